import Type, { type Static, type TSchema } from 'typebox'

/** Shared shapes of everything that crosses HTTP, contracts and events. One schema is validator, serialiser and document. */

/** Ids are positive 32-bit integers. */
export const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Identifier, a positive integer' })

/** UTC instant with milliseconds: `2026-03-29T02:30:00.123Z`. */
export const Instant = Type.String({
  format: 'date-time',
  description: 'Instant in UTC, ISO 8601 with milliseconds',
  examples: ['2026-03-29T02:30:00.123Z'],
})

/** Local calendar date: `2026-03-29`. */
export const LocalDate = Type.String({ format: 'date', description: 'Local date', examples: ['2026-03-29'] })

/** Name of a zone of the tz database. Which names exist is checked where one comes in. */
export const Timezone = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$',
  maxLength: 64,
  description: 'IANA time zone',
  examples: ['Europe/Berlin'],
})

/** Decimal as a string: no exponent, no plus sign, no leading zeros, at most 15 digits before and 10 after the point. */
export const Decimal = Type.String({
  pattern: '^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,10})?$',
  description: 'Exact decimal as a string',
  examples: ['18.25'],
})

/** ISO 4217 code; whether it exists is decided where money is used. */
export const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217 currency code', examples: ['USD'] })

/** Exact money: a decimal string with the currency's own number of digits, never a JSON number. */
export const Money = Type.Object(
  { amount: Decimal, currency: Currency },
  { additionalProperties: false, $id: 'Money', description: 'Exact amount of money' },
)
export type Money = Static<typeof Money>

export const Country = Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2 country code', examples: ['US'] })

/** Text on one line: no control characters, `min` to `max` code points. */
export const Text = (min: number, max: number, description?: string) =>
  Type.String({ minLength: min, maxLength: max, pattern: '^[^\\u0000-\\u001f\\u007f]*$', ...(description ? { description } : {}) })

/** Free text, line feeds allowed. */
export const FreeText = (min: number, max: number, description?: string) =>
  Type.String({
    minLength: min,
    maxLength: max,
    pattern: '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]*$',
    ...(description ? { description } : {}),
  })

export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** A union of string literals from a list, for states and kinds. */
export const OneOf = <const T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...(description ? { description } : {}) })

/** Why somebody does something to somebody else's thing. */
export const Reason = FreeText(1, 500, 'Why; kept in the audit trail')

/** References of other systems, unique per system inside one kind of resource. */
export const ExternalRefs = Type.Array(
  Type.Object({ system: Type.String({ pattern: '^[a-z0-9_-]{1,40}$' }), id: Text(1, 100) }, { additionalProperties: false }),
  { maxItems: 20 },
)

/** Up to 50 keys of up to 40 characters with values of up to 500 characters. */
export const Metadata = Type.Record(
  Type.String({ pattern: '^(?!__proto__$|constructor$|prototype$)[A-Za-z0-9_.-]{1,40}$' }),
  Text(0, 500),
  {
    maxProperties: 50,
    additionalProperties: false,
  },
)

/** Answer of a list. */
export const Page = <S extends TSchema>(item: S) =>
  Type.Object(
    {
      data: Type.Array(item),
      page: Type.Object({ nextCursor: Nullable(Type.String()), hasMore: Type.Boolean() }, { additionalProperties: false }),
    },
    { additionalProperties: false },
  )
export interface PageOf<T> {
  data: T[]
  page: { nextCursor: string | null; hasMore: boolean }
}

/** Fields of a person: masked in logs and operations, blanked when the person is anonymised. */
export const Personal = <S extends TSchema>(schema: S): S => ({ ...schema, 'x-personal': true })
