import Type, { type TSchema } from 'typebox'
import { Nullable } from '#platform/schemas.ts'

/** The words that several shapes of pricing's HTTP surface share. A JSON number never carries an amount, a rate or a measure. */

export const closed = { additionalProperties: false } as const

export const ServiceCode = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,40}$',
  description: 'Code of a service of the carrier',
  examples: ['GND'],
})
export const LineCode = Type.String({ pattern: '^[A-Z][A-Z0-9_]{0,39}$', description: 'Code of a price line', examples: ['FUEL'] })
/** A decimal string that stands for money in the tariff's currency. */
export const Amount = Type.String({
  pattern: '^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,10})?$',
  description: "Amount in the tariff's currency",
  examples: ['14.20'],
})
export const Priority = Type.Integer({ minimum: -1_000_000, maximum: 1_000_000, default: 0, description: 'The higher one wins' })
/** Number of a version of a tariff, or of a content of a rule. */
export const Ordinal = Type.Integer({ minimum: 1, maximum: 1_000_000 })
export const RowVersion = Type.Integer({ minimum: 1, description: 'Number of the last change' })

type Members = Readonly<Record<string, TSchema>>
type Clearable<M extends Members> = { [K in keyof M]: ReturnType<typeof Type.Optional<ReturnType<typeof Nullable<M[K]>>>> }

/** Members of a merge patch that null takes away. */
export const clearable = <const M extends Members>(members: M): Clearable<M> =>
  Object.fromEntries(Object.entries(members).map(([name, schema]) => [name, Type.Optional(Nullable(schema))])) as Clearable<M>
