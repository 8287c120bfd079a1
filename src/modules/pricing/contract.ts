import Type from 'typebox'
import { defineContract } from '#platform/contracts.ts'
import { defineEvents, type EventsOf } from '#platform/events.ts'
import { Currency, Decimal, Id, Instant, LocalDate, Nullable, OneOf } from '#platform/schemas.ts'

/**
 * Pricing offers no operation to other modules yet: prices are asked for over HTTP. What it publishes are facts about tariffs,
 * rules and quotes. Amounts are decimal strings; `version` is the aggregate's version after the change.
 */
export const pricingContract = defineContract('pricing', 1, {})

const closed = { additionalProperties: false } as const
const Version = Type.Integer({ minimum: 1 })

export const pricingEvents = defineEvents('pricing', {
  /** A version of a tariff is in force from `effectiveFrom` on and never changes again. */
  'tariff.version_published': {
    version: 1,
    aggregate: 'tariff',
    data: Type.Object(
      {
        tariffId: Id,
        versionId: Id,
        number: Version,
        carrierId: Id,
        scope: OneOf(['public', 'group', 'customer'] as const),
        effectiveFrom: LocalDate,
        effectiveTo: Nullable(LocalDate),
        contentHash: Type.String(),
        /** The predecessor whose interval this version closed. */
        closedVersionId: Type.Optional(Id),
        /** Rate rows against the predecessor. */
        diff: Type.Object({ added: Type.Integer(), removed: Type.Integer(), changed: Type.Integer(), unchanged: Type.Integer() }, closed),
      },
      closed,
    ),
  },
  /** A published version no longer prices anything new; stored quotes keep their price. */
  'tariff.version_withdrawn': {
    version: 1,
    aggregate: 'tariff',
    data: Type.Object({ tariffId: Id, versionId: Id, number: Version, reason: Type.String(), version: Version }, closed),
  },
  /** A rule was made, changed, enabled or disabled; `number` names its new content. */
  'pricing_rule.changed': {
    version: 1,
    aggregate: 'pricing_rule',
    data: Type.Object(
      { ruleId: Id, code: Type.String(), number: Version, effectiveFrom: LocalDate, enabled: Type.Boolean(), version: Version },
      closed,
    ),
  },
  /** A quote was priced and stored. `bestTotal` is absent when no service could be priced. */
  'quote.created': {
    version: 1,
    aggregate: 'quote',
    data: Type.Object(
      {
        quoteId: Id,
        customerId: Id,
        bestTotal: Type.Optional(Decimal),
        currency: Type.Optional(Currency),
        rates: Type.Integer({ minimum: 0 }),
        ineligible: Type.Integer({ minimum: 0 }),
        expiresAt: Instant,
      },
      closed,
    ),
  },
  /** An open quote can no longer be accepted, because somebody or something (a closed customer) ended it. */
  'quote.cancelled': {
    version: 1,
    aggregate: 'quote',
    data: Type.Object({ quoteId: Id, customerId: Id, reason: Type.Optional(Type.String()) }, closed),
  },
})
export type PricingEvents = EventsOf<typeof pricingEvents>
