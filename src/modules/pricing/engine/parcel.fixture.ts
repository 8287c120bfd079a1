import type { Piece, PricingInput, Rule, Tariff, TariffVersion } from './types.ts'

/** A parcel of 4 lb by one public tariff: 14.20 less 32 %, two accessorials and fuel, 19.17 in all. Tests change one thing of it. */
export function parcelInput(changes: Partial<PricingInput> = {}): PricingInput {
  return {
    pricedAt: '2025-09-01T08:00:00.000Z',
    request: {
      origin: { country: 'US', postalCode: '10001' },
      destination: { country: 'us', postalCode: '99501-1234', residential: true },
      pieces: [piece('4')],
    },
    customer: { id: 7, status: 'active', tier: 'B', groups: ['gold'], creditStatus: 'ok' },
    carriers: [
      {
        id: 3,
        code: 'fast',
        scac: 'FAST',
        status: 'active',
        services: [
          {
            code: 'GND',
            name: 'Ground',
            mode: 'parcel',
            status: 'active',
            limits: null,
            features: ['liftgate'],
            transit: { minDays: 1, maxDays: 3 },
          },
          { code: 'AIR', name: 'Air', mode: 'air', status: 'active', limits: null, features: [], transit: null },
        ],
      },
    ],
    tariffs: [parcelTariff()],
    rules: [
      parcelRule({ id: 55, number: 2, code: 'CONTRACT_TIER', kind: 'discount', action: { percent: '32' } }),
      parcelRule({
        id: 56,
        code: 'RESI',
        kind: 'surcharge',
        action: { amount: { amount: '5.95', currency: 'USD' }, fuelable: true },
        sequence: 10,
        conditions: [{ attribute: 'dest.residential', op: 'eq', value: true }],
      }),
      parcelRule({
        id: 57,
        code: 'PEAK',
        kind: 'surcharge',
        action: { amount: { amount: '0.60', currency: 'USD' }, fuelable: true },
        sequence: 20,
      }),
      parcelRule({ id: 58, code: 'FUEL', kind: 'surcharge', action: { percent: '18.25', basis: 'net+fuelable' }, sequence: 30 }),
    ],
    ...changes,
  }
}

export function parcelTariff(changes: Partial<Tariff> = {}): Tariff {
  return {
    id: 12,
    code: 'PARCEL',
    carrierId: 3,
    serviceCodes: ['GND'],
    scope: 'public',
    customerId: null,
    groupCode: null,
    priority: 0,
    currency: 'USD',
    timezone: 'America/New_York',
    rateDateBasis: 'ship_date',
    fallbackPolicy: 'next',
    quoteValidityDays: 7,
    capAtTariffEnd: false,
    versions: [parcelVersion()],
    ...changes,
  }
}

export function parcelVersion(changes: Partial<TariffVersion> = {}): TariffVersion {
  return {
    id: 40,
    number: 3,
    state: 'published',
    effectiveFrom: '2025-01-01',
    effectiveTo: null,
    publishedAt: '2024-12-01T00:00:00.000Z',
    withdrawnAt: null,
    weightPolicy: { weightUnit: 'lb', dimUnit: 'in', aggregation: 'per_piece_sum' },
    rounding: null,
    discountStacking: null,
    minNet: '8.25',
    minTotal: null,
    maxTotal: null,
    rateTables: [
      {
        service: 'GND',
        zone: '*',
        type: 'step',
        breakMode: 'upper_inclusive',
        breaks: [
          { from: '0', to: '3', price: '12.10' },
          { from: '3', to: '4', price: '14.20' },
          { from: '4', to: '150', price: '30.00' },
        ],
      },
    ],
    contentHash: 'h',
    ...changes,
  }
}

type RuleParts = Partial<Omit<Rule, 'kind' | 'action'>> & Pick<Rule, 'id' | 'code'>
type RuleShape = Rule extends infer R ? (R extends Rule ? Pick<R, 'kind' | 'action'> : never) : never

export function parcelRule(parts: RuleParts & RuleShape): Rule {
  return {
    number: 1,
    tariffVersionId: null,
    customerId: null,
    groupCode: null,
    conditions: null,
    sequence: null,
    priority: 0,
    effectiveFrom: '2025-01-01',
    effectiveTo: null,
    enabled: true,
    ...parts,
  }
}

/** A piece in pounds, a cube in inches when it has a size. */
export function piece(pounds: string, { count, size }: { count?: number; size?: string } = {}): Piece {
  return {
    weight: { value: pounds, unit: 'lb' },
    ...(size !== undefined && { dimensions: { length: size, width: size, height: size, unit: 'in' } }),
    ...(count !== undefined && { count }),
  }
}
