import { Type } from 'typebox'
import { parseInstant, requireDate } from '../dates.ts'
import { rateDate, versionInForce } from '../effective.ts'
import { closed, kind, Read, words } from './reading.ts'

const Given = closed({
  versions: Type.Array(
    closed({
      id: Type.Integer(),
      effectiveFrom: Read,
      effectiveTo: Type.Optional(Read),
      state: Type.Optional(words('draft', 'published', 'withdrawn')),
    }),
  ),
  tariffTimezone: Type.String(),
  rateDateBasis: Type.Optional(words('ship_date', 'quote_date')),
  shipDate: Type.Optional(Read),
  shipAt: Type.Optional(Read),
  pricedAt: Type.Optional(Read),
})

export const effectiveVersionKind = kind(Given, ({ versions, tariffTimezone: timezone, rateDateBasis, shipDate, shipAt, pricedAt }) => {
  for (const { effectiveFrom, effectiveTo } of versions) {
    requireDate(effectiveFrom)
    if (effectiveTo !== undefined) requireDate(effectiveTo)
  }
  if (shipDate !== undefined) requireDate(shipDate)
  for (const instant of [shipAt, pricedAt]) if (instant !== undefined) parseInstant(instant)

  const published = versions.filter(({ state }) => (state ?? 'published') === 'published')
  const date = rateDate({
    basis: rateDateBasis ?? 'ship_date',
    timezone,
    ...(shipDate !== undefined && { shipDate }),
    ...(shipAt !== undefined && { shipAt }),
    ...(pricedAt !== undefined && { pricedAt }),
  })
  return { versionId: versionInForce(published, date).id }
})
