import { type Currency, formatMinor, parseMoney } from './engine/money.ts'
import type { RateTable } from './rate-schemas.ts'
import type { rateRows, rateTables } from './tables.ts'

/**
 * A rate table as people write it and as the database keeps it: amounts in minor units, decimals in DECIMAL(25,10). Reading
 * back gives the same numbers without trailing zeros and exactly the currency's digits, so that the hash of a version's
 * content does not depend on how a number was typed.
 */

export type RateTableRow = Omit<typeof rateTables.$inferSelect, 'id'>
export type RateRow = Omit<typeof rateRows.$inferSelect, 'id' | 'rateTableId'>

export interface StoredRateTable {
  table: RateTableRow
  rows: RateRow[]
}

/** Refuses amounts with more digits than the currency has (`TOO_MANY_DECIMALS`), by the path of the field. */
export function toRows(table: RateTable, position: number, versionId: number, currency: Currency): StoredRateTable {
  const at = (member: string): string => `/tables/${position}/${member}`
  const amount = (text: string | null | undefined, member: string): string | null =>
    text === undefined || text === null ? null : String(parseMoney(text, currency, { path: at(member) }))
  const row: RateTableRow = {
    versionId,
    position,
    service: table.service,
    zone: table.zone,
    type: table.type,
    units: table.units ?? 'chargeable_weight',
    breakMode: 'breakMode' in table ? (table.breakMode ?? null) : null,
    overflow: 'overflow' in table ? (table.overflow ?? null) : null,
    deficit: 'deficit' in table ? (table.deficit ?? false) : false,
    allowZero: 'allowZero' in table ? (table.allowZero ?? false) : false,
    per: 'per' in table ? (table.per ?? null) : null,
    rate: 'rate' in table ? table.rate : null,
    percent: 'percent' in table ? table.percent : null,
    size: 'size' in table ? table.size : null,
    free: 'free' in table ? (table.free ?? null) : null,
    priceMinor: 'price' in table ? amount(table.price, 'price') : null,
    minChargeMinor: amount(table.minCharge, 'minCharge'),
    maxChargeMinor: amount(table.maxCharge, 'maxCharge'),
    transitDays: table.transitDays ?? null,
  }
  const rows =
    'breaks' in table
      ? table.breaks.map(
          (entry, index): RateRow => ({
            from: entry.from,
            to: entry.to ?? null,
            priceMinor: 'price' in entry ? amount(entry.price, `breaks/${index}/price`) : null,
            rate: 'rate' in entry ? entry.rate : null,
            flatMinor: 'flat' in entry ? amount(entry.flat, `breaks/${index}/flat`) : null,
            allowZero: entry.allowZero ?? false,
          }),
        )
      : []
  return { table: row, rows }
}

/** The table as it is answered, priced and hashed. Members at their defaults are left out. */
export function fromRows({ table, rows }: StoredRateTable, currency: Currency): RateTable {
  const common = {
    service: table.service,
    zone: '*' as const,
    ...(table.units === 'chargeable_weight' ? {} : { units: table.units as 'pieces' | 'declared_value' | 'distance_km' }),
    ...(table.minChargeMinor === null ? {} : { minCharge: amountText(table.minChargeMinor, currency) }),
    ...(table.maxChargeMinor === null ? {} : { maxCharge: amountText(table.maxChargeMinor, currency) }),
    ...(table.transitDays === null ? {} : { transitDays: table.transitDays }),
  }
  const per = table.per === null ? {} : { per: decimalText(table.per) }
  const allowZero = table.allowZero ? { allowZero: true } : {}
  const breakMode = table.breakMode === null ? {} : { breakMode: table.breakMode as 'lower_inclusive' | 'upper_inclusive' }
  switch (table.type) {
    case 'per_unit':
      return { ...common, type: 'per_unit', rate: decimalText(table.rate), ...per, ...allowZero }
    case 'percent':
      return { ...common, type: 'percent', percent: decimalText(table.percent), ...allowZero }
    case 'package':
      return {
        ...common,
        type: 'package',
        size: decimalText(table.size),
        price: amountText(table.priceMinor, currency),
        ...(table.free === null ? {} : { free: decimalText(table.free) }),
        ...allowZero,
      }
    case 'step':
      return {
        ...common,
        type: 'step',
        breaks: rows.map((row) => ({ ...bounds(row), price: amountText(row.priceMinor, currency) })),
        ...breakMode,
        ...(table.overflow === null ? {} : { overflow: table.overflow as 'error' | 'pro_rata_last' | 'repeat' }),
      }
    case 'volume':
      return {
        ...common,
        type: 'volume',
        breaks: rateBreaks(rows, currency),
        ...breakMode,
        ...per,
        ...(table.deficit ? { deficit: true } : {}),
      }
    case 'graduated':
      return { ...common, type: 'graduated', breaks: rateBreaks(rows, currency), ...breakMode, ...per }
    default:
      throw new TypeError(`rate table type ${table.type} is not known`)
  }
}

const rateBreaks = (rows: readonly RateRow[], currency: Currency) =>
  rows.map((row) => ({
    ...bounds(row),
    rate: decimalText(row.rate),
    ...(row.flatMinor === null ? {} : { flat: amountText(row.flatMinor, currency) }),
  }))

const bounds = (row: RateRow) => ({
  from: decimalText(row.from),
  ...(row.to === null ? {} : { to: decimalText(row.to) }),
  ...(row.allowZero ? { allowZero: true } : {}),
})

function decimalText(stored: string | null): string {
  if (stored === null) throw new TypeError('a stored rate table lacks a number its type needs')
  return stored
}

function amountText(minor: string | null, currency: Currency): string {
  if (minor === null) throw new TypeError('a stored rate table lacks an amount its type needs')
  return formatMinor(BigInt(minor), currency)
}
