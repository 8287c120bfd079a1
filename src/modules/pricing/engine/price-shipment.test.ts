import { describe, expect, it } from 'vitest'
import { parcelInput, parcelRule, parcelTariff, parcelVersion, piece } from './parcel.fixture.ts'
import { priceShipment } from './price-shipment.ts'
import { isRefusal } from './refusal.ts'
import type { PricingInput } from './types.ts'

const totals = (input: PricingInput) =>
  priceShipment(input).rates.map(({ serviceCode, total }) => `${serviceCode} ${total.amount} ${total.currency}`)
const refusals = (input: PricingInput) => priceShipment(input).ineligible.map(({ serviceCode, code }) => `${serviceCode} ${code}`)

function refusalOf(input: PricingInput) {
  try {
    priceShipment(input)
  } catch (error) {
    if (isRefusal(error)) return { code: error.code, path: error.path }
    throw error
  }
  return null
}

describe('a complete price', () => {
  it('has every line in order, with the rule that wrote it', () => {
    const { rates, ineligible, warnings } = priceShipment(parcelInput())

    expect(ineligible).toEqual([])
    expect(warnings).toEqual([])
    expect(rates).toEqual([
      {
        rateId: 1,
        carrier: { id: 3, code: 'fast', scac: 'FAST' },
        serviceCode: 'GND',
        transitDays: 3,
        zone: '*',
        chargeableWeight: { value: '4', unit: 'lb' },
        tariff: { id: 12, versionId: 40, number: 3, scope: 'public', contentHash: 'h' },
        fallback: false,
        total: { amount: '19.17', currency: 'USD' },
        lines: [
          {
            seq: 1,
            type: 'base',
            code: 'BASE',
            amount: { amount: '14.20', currency: 'USD' },
            rule: null,
            calc: { table: 'GND/*', units: '4', break: '3' },
            raw: '14.2',
          },
          {
            seq: 2,
            type: 'discount',
            code: 'CONTRACT_TIER',
            amount: { amount: '-4.54', currency: 'USD' },
            rule: { id: 55, number: 2 },
            calc: { percent: '32', of: '14.20' },
            raw: '-4.544',
          },
          {
            seq: 3,
            type: 'surcharge',
            code: 'RESI',
            amount: { amount: '5.95', currency: 'USD' },
            rule: { id: 56, number: 1 },
            calc: {},
            raw: '5.95',
          },
          {
            seq: 4,
            type: 'surcharge',
            code: 'PEAK',
            amount: { amount: '0.60', currency: 'USD' },
            rule: { id: 57, number: 1 },
            calc: {},
            raw: '0.6',
          },
          {
            seq: 5,
            type: 'surcharge',
            code: 'FUEL',
            amount: { amount: '2.96', currency: 'USD' },
            rule: { id: 58, number: 1 },
            calc: { percent: '18.25', basis: 'net+fuelable', of: '16.21' },
            raw: '2.958325',
          },
        ],
      },
    ])
  })

  it('says in one sentence per step of the order of evaluation how it came about', () => {
    const [explanation] = priceShipment(parcelInput()).explanations

    expect(explanation?.steps.map(({ step }) => step)).toEqual(['0', '1', '2', '3-6', '7', '8', '9', '10', '11', '12', '13'])
    expect(explanation?.steps.map(({ text }) => text)).toEqual([
      'The request has 1 piece from US to US.',
      'fast GND is offered for this shipment.',
      'Version 3 of tariff PARCEL prices the service on 2025-09-01.',
      '4 units by table GND/* cost 14.20 USD.',
      'No override: the base charge stays 14.20 USD.',
      '1 discount on the base charge.',
      'The net charge is 9.66 USD.',
      '3 surcharges on the net charge.',
      'The total is 19.17 USD.',
      'The price stays in USD.',
      'Rate 1 of 1.',
    ])
  })

  it('is the same bytes for the same input', () => {
    expect(JSON.stringify(priceShipment(parcelInput()))).toBe(JSON.stringify(priceShipment(structuredClone(parcelInput()))))
  })
})

describe('rules', () => {
  it('that lose their slot are named with the reason', () => {
    const rules = [
      ...parcelInput().rules,
      parcelRule({ id: 70, code: 'FUEL', kind: 'surcharge', action: { percent: '99' }, sequence: 30, priority: -1 }),
      parcelRule({ id: 71, code: 'FUEL', kind: 'surcharge', action: { percent: '99' }, sequence: 30, customerId: 8 }),
      parcelRule({ id: 72, code: 'FUEL', kind: 'surcharge', action: { percent: '99' }, sequence: 30, effectiveTo: '2025-09-01' }),
      parcelRule({
        id: 73,
        code: 'FUEL',
        kind: 'surcharge',
        action: { percent: '99' },
        sequence: 30,
        conditions: [{ attribute: 'service.code', op: 'eq', value: 'AIR' }],
      }),
      parcelRule({ id: 74, code: 'FUEL', kind: 'surcharge', action: { percent: '99' }, sequence: 30, enabled: false }),
      parcelRule({ id: 75, code: 'FUEL', kind: 'surcharge', action: { percent: '99' }, sequence: 30, tariffVersionId: 41, priority: 9 }),
    ]
    const { rates, explanations } = priceShipment(parcelInput({ rules }))

    expect(rates[0]?.total.amount).toBe('19.17')
    expect(explanations[0]?.steps.find(({ step }) => step === '10')?.candidates.filter(({ code }) => code === 'FUEL')).toEqual([
      { id: 58, slot: 'surcharge:FUEL', code: 'FUEL', outcome: 'won', reason: null },
      { id: 70, slot: 'surcharge:FUEL', code: 'FUEL', outcome: 'lost', reason: 'LOWER_PRIORITY' },
      { id: 71, slot: 'surcharge:FUEL', code: 'FUEL', outcome: 'lost', reason: 'SCOPE_MISMATCH' },
      { id: 72, slot: 'surcharge:FUEL', code: 'FUEL', outcome: 'lost', reason: 'NOT_EFFECTIVE' },
      { id: 73, slot: 'surcharge:FUEL', code: 'FUEL', outcome: 'lost', reason: 'CONDITION_NOT_MET' },
    ])
  })

  it('of equal rank are decided by id, and the answer warns', () => {
    const rules = [...parcelInput().rules, parcelRule({ id: 99, code: 'FUEL', kind: 'surcharge', action: { percent: '99' }, sequence: 30 })]

    expect(priceShipment(parcelInput({ rules })).warnings).toEqual([
      { code: 'AMBIGUOUS_RULES', service: 'fast/GND', slot: 'surcharge:FUEL' },
    ])
  })

  it('override the base, and bound net and total in place of the fields of the version', () => {
    const usd = (amount: string) => ({ amount, currency: 'USD' })
    const input = parcelInput({
      rules: [
        parcelRule({ id: 1, code: 'DEAL', kind: 'override', action: { amount: usd('5.00') } }),
        parcelRule({ id: 2, code: 'NET', kind: 'minimum', action: { of: 'net', amount: usd('6.00') } }),
        parcelRule({ id: 3, code: 'CAP', kind: 'maximum', action: { of: 'total', amount: usd('5.50') } }),
      ],
    })
    const lines = priceShipment(input).rates[0]?.lines.map(({ type, code, amount, rule }) => [type, code, amount.amount, rule?.id])

    expect(lines).toEqual([
      ['base', 'DEAL', '5.00', 1],
      ['adjustment', 'MIN_NET', '1.00', 2],
      ['adjustment', 'MAX_TOTAL', '-0.50', 3],
    ])
  })

  it('of another currency make the service ineligible and are not left out in silence', () => {
    const rules = [parcelRule({ id: 1, code: 'FEE', kind: 'surcharge', action: { amount: { amount: '1.00', currency: 'EUR' } } })]

    expect(priceShipment(parcelInput({ rules })).ineligible).toEqual([
      { carrierCode: 'fast', serviceCode: 'GND', code: 'CURRENCY_MISMATCH', limit: 'USD', value: 'EUR', rule: { id: 1, number: 1 } },
    ])
  })

  it('block by what the request says, and by what only the tariff knows', () => {
    const block = (conditions: PricingInput['rules'][number]['conditions']) =>
      parcelInput({ rules: [parcelRule({ id: 9, code: 'STOP', kind: 'block', action: {}, conditions })] })

    expect(refusals(block([{ attribute: 'dest.country', op: 'eq', value: 'US' }]))).toEqual(['GND BLOCKED_BY_RULE'])
    expect(refusals(block([{ attribute: 'chargeableWeight', op: 'gte', value: '4' }]))).toEqual(['GND BLOCKED_BY_RULE'])
    expect(totals(block([{ attribute: 'chargeableWeight', op: 'gt', value: '4' }]))).toEqual(['GND 14.20 USD'])
  })

  it('compare places in their normal spelling', () => {
    const fee = (attribute: string, value: string) =>
      totals(
        parcelInput({
          rules: [
            parcelRule({
              id: 1,
              code: 'FEE',
              kind: 'surcharge',
              action: { amount: { amount: '1.00', currency: 'USD' } },
              conditions: [{ attribute, op: 'eq', value }],
            }),
          ],
        }),
      )

    expect(fee('dest.postal', '99501')).toEqual(['GND 15.20 USD'])
    expect(fee('dest.country', 'US')).toEqual(['GND 15.20 USD'])
  })

  it('count the pieces that exceed every limit, and write no line when there is none', () => {
    const perPiece = (weightGt: string) =>
      parcelInput({
        request: { ...parcelInput().request, pieces: [piece('2', { count: 3 }), piece('1')] },
        rules: [
          parcelRule({
            id: 1,
            code: 'HEAVY',
            kind: 'surcharge',
            action: { perUnit: { amount: '0.50', currency: 'USD', unit: 'piece', pieceWhen: { weightGt } } },
          }),
        ],
      })

    expect(totals(perPiece('1.5'))).toEqual(['GND 31.50 USD'])
    expect(priceShipment(perPiece('2')).rates[0]?.lines.map(({ code }) => code)).toEqual(['BASE'])
  })
})

describe('tariffs', () => {
  const contract = parcelTariff({
    id: 20,
    code: 'CONTRACT',
    scope: 'customer',
    customerId: 7,
    versions: [parcelVersion({ id: 50, number: 1 })],
  })

  it('of the customer win over public ones, also when dearer', () => {
    const { rates, explanations } = priceShipment(parcelInput({ tariffs: [parcelTariff(), contract] }))

    expect(rates[0]?.tariff.id).toBe(20)
    expect(explanations[0]?.steps.find(({ step }) => step === '2')?.candidates).toEqual([
      { id: 12, slot: 'tariff', code: 'PARCEL', versionId: 40, outcome: 'lost', reason: 'LOWER_SCOPE' },
      { id: 20, slot: 'tariff', code: 'CONTRACT', versionId: 50, outcome: 'won', reason: null },
    ])
  })

  it('without a rate leave the next its turn, and the rate says so', () => {
    const empty = { ...contract, versions: [parcelVersion({ id: 50, rateTables: [] })] }
    const { rates } = priceShipment(parcelInput({ tariffs: [parcelTariff(), empty] }))

    expect(rates[0]).toMatchObject({ fallback: true, tariff: { id: 12 } })
    expect(refusals(parcelInput({ tariffs: [parcelTariff(), { ...empty, fallbackPolicy: 'none' }] }))).toEqual(['GND NO_RATE'])
  })

  it('answer OVER_TABLE with the end of the table when nobody has a rate', () => {
    expect(priceShipment(parcelInput({ request: { ...parcelInput().request, pieces: [piece('200')] } })).ineligible).toEqual([
      { carrierCode: 'fast', serviceCode: 'GND', code: 'OVER_TABLE', limit: '150', value: '200' },
    ])
  })

  it('of a suspended customer do not count, and the answer warns', () => {
    const { rates, warnings } = priceShipment(
      parcelInput({ tariffs: [parcelTariff(), contract], customer: { id: 7, status: 'suspended', creditStatus: 'hold' } }),
    )

    expect(rates[0]?.tariff.id).toBe(12)
    expect(warnings).toEqual([
      { code: 'CUSTOMER_NOT_ACTIVE', path: '/customerId' },
      { code: 'CREDIT_HOLD', path: '/customerId' },
    ])
  })

  it('of a pending customer count', () => {
    const { rates, warnings } = priceShipment(parcelInput({ tariffs: [parcelTariff(), contract], customer: { id: 7, status: 'pending' } }))

    expect(rates[0]?.tariff.id).toBe(20)
    expect(warnings.map(({ code }) => code)).toEqual(['CUSTOMER_NOT_ACTIVE'])
  })

  it.each([
    ['not in force yet', { effectiveFrom: '2025-09-02' }, 'NO_EFFECTIVE_TARIFF'],
    ['over', { effectiveTo: '2025-09-01' }, 'NO_EFFECTIVE_TARIFF'],
    ['published a moment later', { publishedAt: '2025-09-01T08:00:00.001Z' }, 'NO_EFFECTIVE_TARIFF'],
    ['withdrawn at that moment', { withdrawnAt: '2025-09-01T08:00:00.000Z' }, 'NO_EFFECTIVE_TARIFF'],
    ['closed by a successor', { closings: [{ to: '2025-09-01', at: '2025-09-01T08:00:00.000Z' }] }, 'NO_EFFECTIVE_TARIFF'],
  ])('whose version is %s price nothing', (_what, version, code) => {
    const named = { ...parcelInput().request, services: [{ carrierId: 3, serviceCode: 'GND' }] }

    expect(refusals(parcelInput({ request: named, tariffs: [parcelTariff({ versions: [parcelVersion(version)] })] }))).toEqual([
      `GND ${code}`,
    ])
  })

  it.each([
    ['withdrawn a moment later', { withdrawnAt: '2025-09-01T08:00:00.001Z' }],
    ['closed, but that was recorded later', { closings: [{ to: '2025-09-01', at: '2025-09-01T08:00:00.001Z' }] }],
  ])('whose version was %s still price', (_what, version) => {
    expect(totals(parcelInput({ tariffs: [parcelTariff({ versions: [parcelVersion(version)] })] }))).toEqual(['GND 19.17 USD'])
  })

  it('that nobody has for a named service answer NO_TARIFF', () => {
    expect(refusals(parcelInput({ tariffs: [], request: { ...parcelInput().request, services: [{ carrierId: 3 }] } }))).toEqual([
      'AIR NO_TARIFF',
      'GND NO_TARIFF',
    ])
  })

  it('with two versions in force at once price nothing', () => {
    const versions = [parcelVersion(), parcelVersion({ id: 41, effectiveFrom: '2025-06-01' })]

    expect(refusals(parcelInput({ tariffs: [parcelTariff({ versions })] }))).toEqual(['GND OVERLAPPING_VERSIONS'])
  })

  it('round by their own version, also where two versions share a table', () => {
    const rateTables = [{ service: '*', zone: '*', type: 'per_unit' as const, rate: '2.501' }]
    const rounded = (increment: string) =>
      totals(
        parcelInput({
          rules: [],
          tariffs: [parcelTariff({ versions: [parcelVersion({ rateTables, rounding: { mode: 'up', increment } })] })],
        }),
      )

    expect([rounded('0.01'), rounded('1'), rounded('0.50')]).toEqual([['GND 10.01 USD'], ['GND 11.00 USD'], ['GND 10.50 USD']])
  })

  it('go by the day of the zone', () => {
    const late = parcelTariff({ timezone: 'Asia/Tokyo', versions: [parcelVersion({ effectiveFrom: '2025-09-02' })] })

    expect(priceShipment(parcelInput({ pricedAt: '2025-09-01T15:00:00Z', tariffs: [late] }))).toMatchObject({
      rateDate: '2025-09-02',
      rates: [{ total: { amount: '19.17' } }],
    })
  })
})

describe('gates', () => {
  const gnd = { code: 'GND', name: 'Ground', mode: 'parcel', status: 'active', features: ['liftgate'], transit: { maxDays: 3 } } as const
  const withService = (service: object, request: object = {}, carrier: object = {}) =>
    parcelInput({
      request: { ...parcelInput().request, ...request },
      carriers: [
        {
          id: 3,
          code: 'fast',
          scac: 'FAST',
          status: 'active',
          services: [{ ...gnd, features: [...gnd.features], ...service }],
          ...carrier,
        },
      ],
    })

  it.each([
    ['a suspended carrier', {}, {}, { status: 'suspended' }, { code: 'CARRIER_SUSPENDED' }],
    ['a retired carrier', {}, {}, { status: 'retired' }, { code: 'CARRIER_RETIRED' }],
    ['a paused service', { status: 'paused' }, {}, {}, { code: 'SERVICE_PAUSED' }],
    ['a retired service', { status: 'retired' }, {}, {}, { code: 'SERVICE_RETIRED' }],
    [
      'a heavy piece',
      { limits: { maxWeight: { value: '70', unit: 'lb' } } },
      { pieces: [piece('71')] },
      {},
      { code: 'OVER_MAX_WEIGHT', limit: '70', value: '71', unit: 'lb' },
    ],
    [
      'a long piece',
      { limits: { maxLength: { value: '100', unit: 'cm' } } },
      { pieces: [piece('1', { size: '40' })] },
      {},
      { code: 'OVER_MAX_LENGTH', limit: '100', value: '101.6', unit: 'cm' },
    ],
    [
      'a bulky piece',
      { limits: { maxLengthPlusGirth: { value: '49', unit: 'in' } } },
      { pieces: [piece('1', { size: '10' })] },
      {},
      { code: 'OVER_MAX_LENGTH_PLUS_GIRTH', limit: '49', value: '50', unit: 'in' },
    ],
    [
      'too many pieces',
      { limits: { maxPieces: 2 } },
      { pieces: [piece('1', { count: 3 })] },
      {},
      { code: 'OVER_MAX_PIECES', limit: '2', value: '3' },
    ],
    [
      'too high a value',
      { limits: { maxDeclaredValue: { amount: '100.00', currency: 'USD' } } },
      { declaredValue: { amount: '100.01', currency: 'USD' } },
      {},
      { code: 'OVER_MAX_DECLARED_VALUE', limit: '100.00', value: '100.01', unit: 'USD' },
    ],
    [
      'a value in another currency than the limit',
      { limits: { maxDeclaredValue: { amount: '100.00', currency: 'EUR' } } },
      { declaredValue: { amount: '1.00', currency: 'USD' } },
      {},
      { code: 'CURRENCY_MISMATCH', limit: 'EUR', value: 'USD' },
    ],
    [
      'a value in another currency than the tariff',
      {},
      { declaredValue: { amount: '1.00', currency: 'EUR' } },
      {},
      { code: 'CURRENCY_MISMATCH', limit: 'USD', value: 'EUR' },
    ],
    ['a feature', {}, { features: ['liftgate', 'reefer'] }, {}, { code: 'FEATURE_NOT_OFFERED', value: 'reefer' }],
    ['a currency without a rate of exchange', {}, { currency: 'EUR' }, {}, { code: 'FX_RATE_MISSING', limit: 'USD', value: 'EUR' }],
  ])('refuse the service for %s, with the numbers', (_what, service, request, carrier, expected) => {
    expect(priceShipment(withService(service, request, carrier)).ineligible).toEqual(
      [{ carrierCode: 'fast', serviceCode: 'GND', ...expected }].map((one) => expect.objectContaining(one)),
    )
  })

  it('let a piece of exactly the limit pass, in whatever unit it was entered', () => {
    const limits = { maxWeight: { value: '4', unit: 'lb' } }

    expect(totals(withService({ limits }))).toEqual(['GND 19.17 USD'])
    expect(totals(withService({ limits }, { pieces: [{ weight: { value: '64', unit: 'oz' } }] }))).toEqual(['GND 19.17 USD'])
  })
})

describe('an answer', () => {
  it('has every considered service in its rates or in its refusals, never in both', () => {
    const { rates, ineligible, explanations } = priceShipment(parcelInput({ tariffs: [parcelTariff({ serviceCodes: [] })] }))

    expect(rates.map(({ serviceCode }) => serviceCode)).toEqual(['GND'])
    expect(ineligible).toEqual([{ carrierCode: 'fast', serviceCode: 'AIR', code: 'NO_RATE' }])
    expect(explanations.map(({ serviceCode, rateId }) => [serviceCode, rateId])).toEqual([
      ['GND', 1],
      ['AIR', null],
    ])
  })

  it('sorts rates by total, then transit days with the unknown last, then codes', () => {
    const services = (
      [
        ['A', 3],
        ['B', 2],
        ['C', 5],
        ['D', null],
      ] as const
    ).map(([code, maxDays]) => ({
      code,
      name: code,
      mode: 'parcel',
      status: 'active' as const,
      features: [],
      transit: { maxDays },
    }))
    const prices: Record<string, string> = { A: '10.00', B: '10.00', C: '9.99', D: '10.00' }
    const rateTables = Object.entries(prices).map(([service, price]) => ({
      service,
      zone: '*',
      type: 'step' as const,
      breaks: [{ from: '0', price }],
    }))
    const input = parcelInput({
      rules: [],
      carriers: [{ id: 3, code: 'fast', scac: null, status: 'active', services }],
      tariffs: [parcelTariff({ serviceCodes: [], versions: [parcelVersion({ rateTables, minNet: null })] })],
    })

    expect(priceShipment(input).rates.map(({ serviceCode, rateId }) => [serviceCode, rateId])).toEqual([
      ['C', 1],
      ['B', 2],
      ['A', 3],
      ['D', 4],
    ])
  })

  it('expires after the days of the tariff, and not after its end when the tariff says so', () => {
    const capped = parcelTariff({
      capAtTariffEnd: true,
      timezone: 'America/New_York',
      versions: [parcelVersion({ effectiveTo: '2025-09-03' })],
    })

    expect(priceShipment(parcelInput()).expiresAt).toBe('2025-09-08T08:00:00.000Z')
    expect(priceShipment(parcelInput({ tariffs: [capped] })).expiresAt).toBe('2025-09-03T04:00:00.000Z')
    expect(priceShipment(parcelInput({ tariffs: [{ ...capped, quoteValidityDays: 1 }] })).expiresAt).toBe('2025-09-02T08:00:00.000Z')
    expect(priceShipment(parcelInput({ tariffs: [] })).expiresAt).toBe('2025-09-08T08:00:00.000Z')
  })

  it('warns once of pieces that a divisor could not see', () => {
    expect(
      priceShipment(
        parcelInput({
          request: { ...parcelInput().request, pieces: [piece('1')] },
          tariffs: [parcelTariff({ versions: [parcelVersion({ weightPolicy: { ...parcelVersion().weightPolicy, divisor: '139' } })] })],
        }),
      ).warnings,
    ).toEqual([{ code: 'DIMS_MISSING', path: '/pieces/0' }])
  })
})

describe('a request', () => {
  const request = parcelInput().request
  it.each([
    ['a country that is none', { destination: { country: 'USA' } }, 'INVALID_COUNTRY', '/destination/country'],
    ['a postal code that is none', { origin: { country: 'US', postalCode: '1234' } }, 'INVALID_POSTAL_CODE', '/origin/postalCode'],
    ['a weight of zero', { pieces: [piece('0')] }, 'OUT_OF_RANGE', '/pieces/0/weight/value'],
    ['a count of zero', { pieces: [piece('1', { count: 0 })] }, 'OUT_OF_RANGE', '/pieces/0/count'],
    ['no pieces', { pieces: [] }, 'OUT_OF_RANGE', '/pieces'],
    ['a ship date twice', { shipDate: '2025-09-01', shipAt: '2025-09-01T00:00:00Z' }, 'INVALID_DATE', '/shipAt'],
    ['a day that does not exist', { shipDate: '2025-02-30' }, 'INVALID_DATE', '/shipDate'],
    ['a currency that is none', { currency: 'XAU' }, 'UNKNOWN_CURRENCY', '/currency'],
    ['too many digits of value', { declaredValue: { amount: '1.000', currency: 'USD' } }, 'TOO_MANY_DECIMALS', '/declaredValue/amount'],
    ['a negative distance', { distanceKm: '-1' }, 'OUT_OF_RANGE', '/distanceKm'],
    ['a carrier that is not there', { services: [{ carrierId: 99 }] }, 'CARRIER_NOT_FOUND', '/services/0/carrierId'],
    ['a service that is not there', { services: [{ carrierId: 3, serviceCode: 'SEA' }] }, 'UNKNOWN_SERVICE', '/services/0/serviceCode'],
  ])('is refused as a whole for %s', (_what, part, code, path) => {
    expect(refusalOf(parcelInput({ request: { ...request, ...part } }))).toEqual({ code, path })
  })

  it('of a closed customer is refused', () => {
    expect(refusalOf(parcelInput({ customer: { id: 7, status: 'closed' } }))?.code).toBe('CUSTOMER_CLOSED')
  })
})
