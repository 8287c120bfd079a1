import { defineError, defineReferenceError } from '#platform/errors.ts'

export const TariffNotFound = defineError<{ id: number }>({
  code: 'TARIFF_NOT_FOUND',
  status: 404,
  sentence: 'There is no tariff {id}. List the tariffs to find its id.',
})
export const TariffVersionNotFound = defineError<{ tariffId: number; number: number }>({
  code: 'TARIFF_VERSION_NOT_FOUND',
  status: 404,
  sentence: 'Tariff {tariffId} has no version {number}. List its versions to find the number.',
})
export const TariffCodeTaken = defineError<{ code: string }>({
  code: 'TARIFF_CODE_TAKEN',
  status: 409,
  sentence: 'There is a tariff with the code {code} already. Choose another code.',
})
export const VersionPublished = defineError<{ tariffId: number; number: number }>({
  code: 'VERSION_PUBLISHED',
  status: 409,
  sentence: 'Version {number} of tariff {tariffId} is no draft, so it never changes. Make a new draft based on it.',
})
export const VersionNotPublishable = defineError<{ errors: number }>({
  code: 'VERSION_NOT_PUBLISHABLE',
  status: 422,
  sentence: 'The draft has {errors} errors. Mend what the errors name, then publish again.',
})
export const OverlappingVersions = defineError<{ number: number }>({
  code: 'OVERLAPPING_VERSIONS',
  status: 409,
  sentence: 'Version {number} is in force in the same interval. Begin later than it does, or end before it.',
})
export const InvalidTariff = defineError<{ fault: string }>({
  code: 'INVALID_TARIFF',
  status: 422,
  sentence: 'The tariff cannot be saved: {fault}.',
})
export const PricingRuleNotFound = defineError<{ id: number }>({
  code: 'PRICING_RULE_NOT_FOUND',
  status: 404,
  sentence: 'There is no pricing rule {id}. List the rules to find its id.',
})
export const QuoteNotFound = defineError<{ id: number }>({
  code: 'QUOTE_NOT_FOUND',
  status: 404,
  sentence: 'There is no quote {id} that you may see. List the quotes to find its id.',
})
export const RateNotFound = defineError<{ rateId: number }>({
  code: 'RATE_NOT_FOUND',
  status: 422,
  sentence: 'The quote has no rate {rateId}. Read the quote to see its rates.',
})
export const CustomerClosed = defineError<{ customerId: number }>({
  code: 'CUSTOMER_CLOSED',
  status: 422,
  sentence: 'Customer {customerId} is closed and gets no prices. Reopen the customer first.',
})
export const ShipDateOutOfRange = defineError<{ shipDate: string }>({
  code: 'SHIP_DATE_OUT_OF_RANGE',
  status: 422,
  sentence: 'The ship date {shipDate} lies in the past or more than 365 days ahead. Choose a day between.',
})
/** Faults of a shipment, a tariff or a rule that the schema cannot see; the engine finds them and names the field. */
const engineSentences = {
  OUT_OF_RANGE: 'A number is outside of what pricing accepts; errors names the field and the limit.',
  UNKNOWN_CURRENCY: 'A currency is not one of ISO 4217 with minor units.',
  INVALID_DATE: 'A date or an instant does not exist or lacks its zone, or both shipDate and shipAt were sent.',
  INVALID_TIMEZONE: 'The time zone is not a name of the tz database nor UTC.',
  INVALID_INTERVAL: 'The interval is empty: effectiveTo must be later than effectiveFrom.',
  INVALID_POSTAL_CODE: 'A postal code does not have the form of its country.',
  INVALID_POLICY: 'The weight policy contradicts itself; errors names the member.',
  INVALID_ROUNDING: 'The rounding increment is not a positive multiple of the minor unit.',
  INVALID_TABLE: 'The rate table has a gap, an overlap or options that do not go together.',
  INVALID_RULE: 'The rule has members that do not go together; errors names the member.',
  INVALID_CONDITION: 'A condition names an unknown attribute, an operator not of its type or a value of the wrong shape.',
  UNKNOWN_SERVICE: 'The carrier has no service of that code.',
} as const

export type EngineFault = keyof typeof engineSentences
export const engineErrors = Object.fromEntries(
  Object.entries(engineSentences).map(([code, sentence]) => [code, defineError({ code, status: 422, sentence })]),
) as Readonly<Record<EngineFault, ReturnType<typeof defineError>>>

export const CustomerReferenceNotFound = defineReferenceError('CUSTOMER_NOT_FOUND')
export const CarrierReferenceNotFound = defineReferenceError('CARRIER_NOT_FOUND')
export const TariffVersionReferenceNotFound = defineReferenceError('TARIFF_VERSION_NOT_FOUND')
