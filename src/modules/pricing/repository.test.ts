import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '#platform/databases.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { memoryLog } from '#support/http.ts'
import { planOf } from '#support/plans.ts'
import { quoteListStatement } from './quote-repository.ts'
import { createPricingRepository } from './repository.ts'
import { ruleListStatement } from './rule-repository.ts'
import { pricingRules, quotes, tariffs, tariffVersions } from './tables.ts'
import { tariffListStatement } from './tariff-repository.ts'
import { versionListStatement } from './version-repository.ts'

/** Enough for an index to be worth its while. */
const total = 3_000

let databases: TestDatabases
let database: Database<'pricing_service_db'>

const tariff = (n: number) => ({
  code: `tariff-${String(n % total).padStart(5, '0')}`,
  name: 'Prices',
  carrierId: (n % 50) + 1,
  serviceCodes: n % 3 === 0 ? ['GND'] : [],
  scope: 'public' as const,
  priority: 0,
  currency: 'USD',
  timezone: 'UTC',
  rateDateBasis: 'ship_date' as const,
  fallbackPolicy: 'next' as const,
  quoteValidityDays: 7,
  capAtTariffEnd: false,
})
const version = (n: number) => ({
  tariffId: (n % 30) + 1,
  number: n,
  state: 'draft' as const,
  effectiveFrom: '2026-01-01',
  weightPolicy: { weightUnit: 'kg' as const, dimUnit: 'cm' as const, aggregation: 'per_piece_sum' as const },
  discountStacking: 'best_of' as const,
  warnings: [],
})
const rule = (n: number) => ({
  code: 'FUEL',
  kind: 'surcharge' as const,
  customerId: (n % 100) + 1,
  action: { percent: '1' },
  priority: 0,
  effectiveFrom: '2026-01-01',
  enabled: true,
  number: 1,
})
const quote = (n: number) => ({
  status: 'open' as const,
  customerId: (n % 100) + 1,
  pricedAt: '2026-01-01T00:00:00.000Z',
  rateDate: '2026-01-01',
  expiresAt: '2099-01-01T00:00:00.000Z',
  engineVersion: '1',
  request: { origin: { country: 'US' }, destination: { country: 'US' }, pieces: [{ weight: { value: '1', unit: 'kg' as const } }] },
  requestHash: 'a'.repeat(64),
  inputsHash: 'b'.repeat(64),
  customer: { accountNumber: null, status: 'active', tier: 'B' },
  customerVersion: 1,
  ineligible: [],
  warnings: [],
  explanations: [],
  ref: `PO-${n}`,
})

beforeAll(async () => {
  databases = await createTestDatabases()
  database = openDatabase('pricing_service_db', databases.settings.pricing_service_db, { log: memoryLog() })
  const { db } = database.requests
  const numbers = (from: number) => Array.from({ length: 500 }, (_, n) => from + n)
  for (let from = 1; from <= total; from += 500) {
    await db.insert(tariffs).values(numbers(from).map(tariff))
    await db.insert(tariffVersions).values(numbers(from).map(version))
    await db.insert(pricingRules).values(numbers(from).map(rule))
    await db.insert(quotes).values(numbers(from).map(quote))
  }
  // Plans follow the statistics of the tables, which the server refreshes when it likes.
  for (const table of ['tariffs', 'tariff_versions', 'pricing_rules', 'quotes'])
    await databases.asRoot(`ANALYZE TABLE \`${databases.settings.pricing_service_db.schema}\`.${table}`)
})
afterAll(async () => {
  await database.close()
  await databases.drop()
})

describe('lists read an index in order', () => {
  const db = () => database.requests.db
  const page = (sort: string) => ({ limit: 10, sort })
  const lists: [string, string, string, () => Parameters<typeof planOf>[1]][] = [
    ['tariffs', 'id', 'PRIMARY', () => tariffListStatement(db(), page('id')).statement],
    ['tariffs', '-code', 'tariffs_by_code', () => tariffListStatement(db(), page('-code')).statement],
    ['tariffs', 'createdAt', 'tariffs_by_created', () => tariffListStatement(db(), page('createdAt')).statement],
    ['tariffs of a carrier', 'id', 'tariffs_by_carrier', () => tariffListStatement(db(), { ...page('id'), carrierId: 7 }).statement],
    ['versions', 'id', 'tariff_versions_by_tariff', () => versionListStatement(db(), 2, page('id')).statement],
    ['versions', '-number', 'tariff_versions_by_number', () => versionListStatement(db(), 2, page('-number')).statement],
    ['rules', '-id', 'PRIMARY', () => ruleListStatement(db(), page('-id')).statement],
    ['rules', '-createdAt', 'pricing_rules_by_created', () => ruleListStatement(db(), page('-createdAt')).statement],
    ['rules of a customer', 'id', 'pricing_rules_by_customer', () => ruleListStatement(db(), { ...page('id'), customerId: 7 }).statement],
    ['quotes', 'id', 'PRIMARY', () => quoteListStatement(db(), page('id'), 'any').statement],
    ['quotes', '-createdAt', 'quotes_by_created', () => quoteListStatement(db(), page('-createdAt'), 'any').statement],
    ['own quotes', '-id', 'quotes_by_customer', () => quoteListStatement(db(), page('-id'), [7]).statement],
    ['own quotes', '-createdAt', 'quotes_by_customer_created', () => quoteListStatement(db(), page('-createdAt'), [7]).statement],
    ['quotes by reference', 'id', 'quotes_by_ref', () => quoteListStatement(db(), { ...page('id'), ref: 'PO-77' }, 'any').statement],
  ]
  test.each(lists)('%s by %s: %s', async (_list, _sort, index, statement) => {
    const { key, extra } = await planOf(db(), statement())

    expect(key).toBe(index)
    expect(extra).not.toContain('filesort')
  })
})

test('the scope of a caller stands in the statement, so nobody is shown a quote they may not see', async () => {
  const repository = createPricingRepository(database.requests).quotes

  expect(await repository.find(7, 'any')).toMatchObject({ id: 7, customerId: 8 })
  expect(await repository.find(7, [8])).toMatchObject({ id: 7 })
  expect(await repository.find(7, [9])).toBeUndefined()
  expect(await repository.find(7, [])).toBeUndefined()
  expect((await repository.list({ limit: 200, sort: 'id' }, [8, 9])).data.map(({ customerId }) => customerId)).toEqual(
    Array.from({ length: 60 }, (_, n) => 8 + (n % 2)),
  )
  expect((await repository.list({ limit: 200, sort: 'id' }, [])).data).toEqual([])
})

test('wildcards in the beginning of a code are plain characters', async () => {
  const repository = createPricingRepository(database.requests).tariffs
  const found = async (q: string) => (await repository.list({ limit: 50, sort: 'code', q })).data.length

  expect(await found('tariff-0000')).toBe(10)
  expect(await found('%')).toBe(0)
  expect(await found('tariff_0')).toBe(0)
})

test('a tariff without service codes is found by every service of its carrier, one with codes by those', async () => {
  const repository = createPricingRepository(database.requests).tariffs
  const found = async (serviceCode: string) => (await repository.list({ limit: 200, sort: 'id', carrierId: 7, serviceCode })).data.length

  expect(await found('GND')).toBe(60)
  expect(await found('AIR')).toBe(40)
})

test('dates, decimals, amounts beyond 53 bits and documents come back as they were written', async () => {
  const repository = createPricingRepository(database.requests)
  const content = {
    effectiveFrom: '2026-03-29',
    effectiveTo: '2026-10-25',
    minNetMinor: '9007199254740993',
    rounding: { mode: 'up' as const, increment: '0.050' },
    weightPolicy: { ...version(1).weightPolicy, divisor: '139.50', weightRounding: [{ mode: 'half_even' as const }] },
    warnings: [{ code: 'PRICE_FALLS', path: '/rateTables/0', message: 'a “quoted” word' }],
  }
  const tables = [{ service: 'GND', zone: '*' as const, type: 'per_unit' as const, rate: '123456789012345.0123456789' }]

  await repository.tariffs.inTransaction(async (tx) => {
    const number = await repository.versions.insert(tx, { ...version(0), ...content, tariffId: 99 })
    const row = await repository.versions.find(99, number, tx)
    await repository.rates.replaceRates(tx, row?.id ?? 0, tables, 'USD')
  })

  const row = await repository.versions.find(99, 1)
  expect(row).toMatchObject(content)
  expect(await repository.rates.ratesOf(row?.id ?? 0, 'USD')).toEqual(tables)
})
