import { Type } from 'typebox'
import { allocate } from '../allocate.ts'
import { breakTable } from '../break-table.ts'
import { NOT_NEGATIVE, parseDecimal } from '../decimal.ts'
import { formatMinor, parseMoney, requireCurrency } from '../money.ts'
import { EngineRefusal } from '../refusal.ts'
import { measureRounder } from '../rounding.ts'
import { BreakMode } from './rates.ts'
import { closed, kind, Read, words } from './reading.ts'

const Lookup = closed({
  rows: Type.Array(closed({ from: Read, to: Type.Optional(Read), value: Read })),
  breakMode: Type.Optional(BreakMode),
  inputRounding: Type.Optional(closed({ mode: words('half_up', 'half_even', 'up', 'down', 'none'), increment: Type.Optional(Read) })),
  input: Read,
})

export const tableLookupKind = kind(Lookup, ({ rows, breakMode, inputRounding, input }) => {
  const read = rows.map(({ from, to, value }) => {
    parseDecimal(value)
    return { from: parseDecimal(from), to: to === undefined ? null : parseDecimal(to), value }
  })
  const row = breakTable(read, breakMode ?? 'lower_inclusive').find(measureRounder(inputRounding, 'INVALID_ROUNDING')(parseDecimal(input)))
  if (row === 'below' || row === 'above') throw new EngineRefusal('INDEX_OUT_OF_RANGE')
  return { value: row.value }
})

const Allocation = closed({ currency: Type.String(), total: Read, weights: Type.Array(Read) })

export const allocateKind = kind(Allocation, ({ currency: code, total, weights }) => {
  const currency = requireCurrency(code, '/currency')
  const shares = allocate(
    parseMoney(total, currency, { path: '/total', sign: 'any' }),
    weights.map((weight, index) => parseDecimal(weight, `/weights/${index}`, NOT_NEGATIVE)),
  )
  return { shares: shares.map((share) => formatMinor(share, currency)) }
})
