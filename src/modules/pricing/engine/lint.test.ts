import { describe, expect, it } from 'vitest'
import { contentHash } from './content-hash.ts'
import { lintVersion } from './lint.ts'
import { parcelInput, parcelRule, parcelTariff, parcelVersion } from './parcel.fixture.ts'
import type { LintInput, RateTable, Rule, TariffVersion } from './types.ts'

const usd = (amount: string) => ({ amount, currency: 'USD' })
const fee = (id: number, { code = 'FEE', ...more }: Partial<Omit<Rule, 'id' | 'kind' | 'action'>> = {}) =>
  parcelRule({ id, code, kind: 'surcharge', action: { amount: usd('1.00') }, ...more })
const table = (breaks: { from: string; to?: string; price: string }[]): RateTable => ({ service: '*', zone: '*', type: 'step', breaks })

type Parts = Partial<Omit<LintInput, 'version'>> & { version?: Partial<TariffVersion> }

function lint({ version, ...more }: Parts = {}): string[] {
  const findings = lintVersion({
    tariff: parcelTariff(),
    version: parcelVersion({ minNet: null, ...version }),
    rules: [],
    knownServices: ['GND', 'AIR'],
    ...more,
  })
  return findings.map(({ code, path }) => `${code} ${path}`)
}

describe('the linter', () => {
  it('has nothing to say of a sound version', () => {
    expect(lint({ rules: parcelInput().rules.map((rule) => (rule.kind === 'discount' ? { ...rule, sequence: 1 } : rule)) })).toEqual([])
  })

  it.each<[string, Parts, string[]]>([
    [
      'a table with a gap',
      {
        version: {
          rateTables: [
            table([
              { from: '0', to: '1', price: '1' },
              { from: '2', price: '2' },
            ]),
          ],
        },
      },
      ['INVALID_TABLE /rateTables/0/breaks'],
    ],
    [
      'two tables at one address',
      { version: { rateTables: [table([{ from: '0', price: '1' }]), table([{ from: '0', price: '1' }])] } },
      ['INVALID_TABLE /rateTables/1'],
    ],
    [
      'a malformed number',
      { version: { rateTables: [table([{ from: '0', price: '1,0' }])] } },
      ['INVALID_DECIMAL /rateTables/0/breaks/0/price'],
    ],
    [
      'a policy',
      { version: { weightPolicy: { ...parcelVersion().weightPolicy, divisor: '0' } } },
      ['INVALID_POLICY /weightPolicy/divisor'],
    ],
    [
      'a rounding',
      { version: { rounding: { mode: 'up', increment: '0.003' } } },
      ['INVALID_ROUNDING /rateTables/0/rounding/increment', 'INVALID_ROUNDING /rounding/increment'],
    ],
    ['a minimum above the maximum', { version: { minTotal: '2', maxTotal: '1' } }, ['INVALID_RULE /minTotal']],
    ['a price of zero', { version: { rateTables: [table([{ from: '0', price: '0' }])] } }, ['ZERO_PRICE /rateTables/0/breaks/0']],
    ['no table', { version: { rateTables: [] } }, ['EMPTY_VERSION /rateTables']],
    [
      'a service the carrier has not',
      { version: { rateTables: [{ ...table([{ from: '0', price: '1' }]), service: 'SEA' }] } },
      ['UNKNOWN_SERVICE /rateTables/0/service'],
    ],
    ['an empty interval', { version: { effectiveTo: '2025-01-01' } }, ['INVALID_INTERVAL ']],
    ['an unknown zone', { tariff: parcelTariff({ timezone: 'PST' }) }, ['INVALID_TIMEZONE /timezone']],
    ['an unknown currency', { tariff: parcelTariff({ currency: 'XAU' }) }, ['UNKNOWN_CURRENCY /currency']],
    [
      'a condition',
      { rules: [fee(1, { conditions: [{ attribute: 'shoe', op: 'eq', value: '1' }] })] },
      ['INVALID_CONDITION /rules/1/conditions/0/attribute'],
    ],
    ['a rule', { rules: [parcelRule({ id: 1, code: 'FEE', kind: 'surcharge', action: {} })] }, ['INVALID_RULE /rules/1/action']],
    [
      'a rule in another currency',
      { rules: [parcelRule({ id: 1, code: 'FEE', kind: 'surcharge', action: { amount: { amount: '1', currency: 'EUR' } } })] },
      ['CURRENCY_MISMATCH /rules/1/action'],
    ],
    [
      'a maximum of the net',
      { rules: [parcelRule({ id: 1, code: 'CAP', kind: 'maximum', action: { of: 'net', amount: usd('1') } })] },
      ['INVALID_RULE /rules/1/action/of'],
    ],
    [
      'a reserved code',
      { rules: [parcelRule({ id: 1, code: 'BASE', kind: 'override', action: { amount: usd('1') } })] },
      ['INVALID_RULE /rules/1/action/code'],
    ],
    [
      'a basis nobody has',
      { rules: [parcelRule({ id: 1, code: 'ADMIN', kind: 'surcharge', action: { percent: '1', basis: { codes: ['NET', 'TOLL'] } } })] },
      ['UNKNOWN_CODE /rules/1/action/basis'],
    ],
    [
      'a target nobody has',
      { rules: [parcelRule({ id: 1, code: 'D', kind: 'discount', action: { percent: '1', appliesTo: ['TOLL'] } })] },
      ['UNKNOWN_CODE /rules/1/action/appliesTo'],
    ],
    ['a sequence on some only', { rules: [fee(1, { sequence: 1 }), fee(2, { code: 'OTHER' })] }, ['INVALID_RULE /rules/2/sequence']],
    ['a tie of two rules', { rules: [fee(1), fee(2)] }, ['AMBIGUOUS_RULES /rules/2']],
    ['a tie of two groups', { rules: [fee(1, { groupCode: 'a' }), fee(2, { groupCode: 'b' })] }, ['AMBIGUOUS_RULES /rules/2']],
    ['a tie of two tariffs', { otherTariffs: [parcelTariff({ id: 13, serviceCodes: ['AIR', 'GND'] })] }, ['AMBIGUOUS_RULES ']],
    [
      'a falling price',
      {
        version: {
          rateTables: [
            table([
              { from: '0', to: '1', price: '2' },
              { from: '1', price: '1' },
            ]),
          ],
        },
      },
      ['PRICE_FALLS /rateTables/0/breaks/1'],
    ],
    ['a rule that is over', { rules: [fee(1, { effectiveFrom: '2024-01-01', effectiveTo: '2025-01-01' })] }, ['EXPIRED_RULE /rules/1']],
    [
      'a rule that can never match',
      {
        rules: [
          fee(1, {
            conditions: [
              { attribute: 'pieces', op: 'gt', value: '5' },
              { attribute: 'pieces', op: 'lte', value: '5' },
            ],
          }),
        ],
      },
      ['NEVER_MATCHES /rules/1'],
    ],
    [
      'a rule that can never win',
      { rules: [fee(1, { priority: 5 }), fee(2, { conditions: [{ attribute: 'zone', op: 'eq', value: '5' }] })] },
      ['UNREACHABLE_RULE /rules/2'],
    ],
  ])('names %s', (_what, input, expected) => {
    expect(lint(input)).toEqual(expected)
  })

  it.each<[string, Parts]>([
    [
      'a price of zero that is meant',
      {
        version: { rateTables: [{ service: '*', zone: '*', type: 'step' as const, breaks: [{ from: '0', price: '0', allowZero: true }] }] },
      },
    ],
    ['rules of two customers', { rules: [fee(1, { customerId: 1 }), fee(2, { customerId: 2 })] }],
    ['rules one after the other', { rules: [fee(1, { effectiveTo: '2025-06-01' }), fee(2, { effectiveFrom: '2025-06-01' })] }],
    ['a rule that is switched off', { rules: [fee(1), fee(2, { enabled: false })] }],
    [
      'rules of two texts',
      {
        rules: [
          fee(1, { conditions: [{ attribute: 'zone', op: 'eq', value: '1' }] }),
          fee(2, { conditions: [{ attribute: 'zone', op: 'in', value: ['2', '3'] }] }),
        ],
      },
    ],
    [
      'a prefix against a text that lacks it',
      {
        rules: [
          fee(1, { conditions: [{ attribute: 'dest.postal', op: 'prefix', value: '99' }] }),
          fee(2, { conditions: [{ attribute: 'dest.postal', op: 'eq', value: '10001' }] }),
        ],
      },
    ],
    [
      'ranges that only touch',
      {
        rules: [
          fee(1, { conditions: [{ attribute: 'pieces', op: 'between', value: ['0', '11'] }] }),
          fee(2, { conditions: { all: [{ attribute: 'pieces', op: 'between', value: ['11', null] }] } }),
        ],
      },
    ],
    [
      'a more specific rule below a narrower one',
      { rules: [fee(1, { priority: 5, conditions: [{ attribute: 'zone', op: 'eq', value: '1' }] }), fee(2)] },
    ],
    ['tariffs of two priorities', { otherTariffs: [parcelTariff({ id: 13, priority: 1 })] }],
  ])('lets %s pass', (_what, input) => {
    expect(lint(input)).toEqual([])
  })

  it('finds a tie where ranges share one value', () => {
    const rules = [
      fee(1, { conditions: [{ attribute: 'pieces', op: 'lte', value: '5' }] }),
      fee(2, { conditions: [{ attribute: 'pieces', op: 'gte', value: '5' }] }),
    ]

    expect(lint({ rules })).toEqual(['AMBIGUOUS_RULES /rules/2'])
  })
})

describe('a content hash', () => {
  const hash = (changes: Partial<TariffVersion> = {}, rules = parcelInput().rules, currency = 'USD') =>
    contentHash({ currency, version: parcelVersion(changes), rules })
  const breaks = [
    { from: '0.0', to: '3.00', price: '12.1' },
    { from: '4', to: '150', price: '30' },
    { from: '3', to: '4', price: '14.200' },
  ]
  const respelt: RateTable = { zone: '*', service: 'GND', type: 'step', breakMode: 'upper_inclusive', breaks }

  it('does not see how numbers are spelt or rows are ordered, nor who the version is', () => {
    expect(
      hash(
        { minNet: '8.250', rateTables: [respelt], id: 1, number: 9, contentHash: '', publishedAt: null, state: 'draft' },
        [...parcelInput().rules].reverse(),
      ),
    ).toBe(hash())
    expect(hash()).toMatch(/^[0-9a-f]{64}$/)
  })

  it('takes null and absent for the same', () => {
    expect(hash({ minTotal: null })).toBe(hash({ minTotal: undefined }))
  })

  it.each([
    ['a price', () => hash({ rateTables: [{ ...respelt, breaks: [{ from: '0', price: '12.11' }] }] })],
    ['a minimum', () => hash({ minNet: '8.26' })],
    ['a day', () => hash({ effectiveFrom: '2025-01-02' })],
    ['the policy', () => hash({ weightPolicy: { ...parcelVersion().weightPolicy, divisor: '139' } })],
    ['a rule', () => hash({}, parcelInput().rules.slice(1))],
    ['the currency', () => hash({}, parcelInput().rules, 'EUR')],
  ])('sees a change of %s', (_what, changed) => {
    expect(changed()).not.toBe(hash())
  })
})
