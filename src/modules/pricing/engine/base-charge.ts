import { type Exact, exact } from './decimal.ts'
import { type Currency, requireCurrency } from './money.ts'
import { type Charge, type CompiledRate, compileRate } from './rate.ts'
import { EngineRefusal } from './refusal.ts'
import type { Shipment } from './shipment.ts'
import type { RateTable, Tariff, TariffVersion } from './types.ts'
import { type ChargeableWeight, chargeableWeight } from './weight.ts'

/** Steps 3 to 6 for one candidate: its zone, what it weighs, and what that costs. */
export interface BaseCharge {
  currency: Currency
  zone: string
  weight: ChargeableWeight
  table: RateTable
  units: Exact
  charge: Charge
}

/** A version that pins no zone set has one zone, for every destination. */
const ONLY_ZONE = '*'
const EVERY_SERVICE = '*'

/** The base charge of a service by one version, or the refusal that lets the next candidate try. */
export function baseCharge(tariff: Tariff, version: TariffVersion, serviceCode: string, shipment: Shipment): BaseCharge {
  const currency = requireCurrency(tariff.currency)
  if (shipment.declaredValue && shipment.declaredValue.currency.code !== currency.code) {
    throw new EngineRefusal('CURRENCY_MISMATCH', {
      path: '/declaredValue/currency',
      limit: currency.code,
      value: shipment.declaredValue.currency.code,
    })
  }
  const { weightUnit, dimUnit } = version.weightPolicy
  const weight = chargeableWeight({ weightUnit, dimUnit, policy: version.weightPolicy, pieces: shipment.entered })
  const table = findTable(version, serviceCode)
  const units = unitsOf(table, weight, shipment)
  return { currency, zone: ONLY_ZONE, weight, table, units, charge: compiledTable(table, currency, version)(units) }
}

function findTable({ rateTables }: TariffVersion, serviceCode: string): RateTable {
  const inZone = rateTables.filter(({ zone }) => zone === ONLY_ZONE)
  const table = inZone.find(({ service }) => service === serviceCode) ?? inZone.find(({ service }) => service === EVERY_SERVICE)
  if (!table) throw new EngineRefusal('NO_RATE')
  return table
}

function unitsOf({ units }: RateTable, weight: ChargeableWeight, { pieceCount, declaredValue, distanceKm }: Shipment): Exact {
  switch (units ?? 'chargeable_weight') {
    case 'chargeable_weight':
      return weight.value
    case 'pieces':
      return exact(BigInt(pieceCount))
    case 'declared_value':
      if (!declaredValue) throw new EngineRefusal('NO_RATE', { path: '/declaredValue' })
      return declaredValue.amount
    case 'distance_km':
      if (!distanceKm) throw new EngineRefusal('NO_RATE', { path: '/distanceKm' })
      return distanceKm
  }
}

const compiledTables = new WeakMap<RateTable, { currency: Currency; rounding: TariffVersion['rounding']; rate: CompiledRate }>()

/** Compiled once per table, unless the same table object stands in two versions that round in two ways. */
function compiledTable(table: RateTable, currency: Currency, { rounding }: TariffVersion): CompiledRate {
  const known = compiledTables.get(table)
  if (known && known.currency === currency && known.rounding === rounding) return known.rate
  const rate = compileRate(table, currency, rounding)
  compiledTables.set(table, { currency, rounding, rate })
  return rate
}
