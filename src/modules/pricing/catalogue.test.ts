import { expect, test } from 'vitest'
import { createCatalogue } from './catalogue.ts'
import type { RateTable } from './rate-schemas.ts'
import type { TariffRow } from './tariff-repository.ts'
import type { PublishedRow } from './version-repository.ts'

const at = '2026-01-01T00:00:00.000Z'

const tariff = (id: number): TariffRow => ({
  id,
  code: `tariff-${id}`,
  name: 'Prices',
  carrierId: 1,
  serviceCodes: [],
  side: 'sell',
  scope: 'public',
  customerId: null,
  priority: 0,
  currency: 'USD',
  timezone: 'UTC',
  rateDateBasis: 'ship_date',
  fallbackPolicy: 'next',
  quoteValidityDays: 7,
  capAtTariffEnd: false,
  version: 1,
  createdAt: at,
  updatedAt: at,
})

const published = (id: number, tariffId = 1): PublishedRow => ({
  version: {
    id,
    tariffId,
    number: id,
    state: 'published',
    effectiveFrom: '2026-01-01',
    effectiveTo: null,
    weightPolicy: { weightUnit: 'kg', dimUnit: 'cm', aggregation: 'per_piece_sum' },
    rounding: null,
    discountStacking: 'best_of',
    minNetMinor: null,
    minTotalMinor: null,
    maxTotalMinor: null,
    contentHash: 'a'.repeat(64),
    engineVersion: '1',
    basedOn: null,
    changeNote: null,
    warnings: [],
    publishedAt: at,
    publishedBy: 1,
    withdrawnAt: null,
    version: 2,
    createdAt: at,
    updatedAt: at,
  },
  closings: [],
})

const table = (id: number): RateTable => ({ service: '*', zone: '*', type: 'step', breaks: [{ from: '0', price: `${id}.00` }] })

/** A database of two tables that counts what is read of it, and a clock that stands still. */
function shelf(versionIds: number[]) {
  const state = { versionIds, now: 0, reads: 0, ratesRead: [] as number[], fail: false, gate: Promise.resolve() }
  const catalogue = createCatalogue(
    {
      tariffs: { all: async () => [tariff(1)] },
      versions: {
        published: async () => {
          state.reads += 1
          const ids = state.versionIds
          await state.gate
          if (state.fail) throw new Error('the database is away')
          return ids.map((id) => published(id))
        },
        now: async () => at,
      },
      rates: {
        ratesOfMany: async (ids) => {
          state.ratesRead.push(...ids)
          return new Map(ids.map((id) => [id, [table(id)]]))
        },
      },
      rules: { enabled: async () => [] },
    },
    () => state.now,
  )
  return { state, catalogue }
}

test('the list lives less than a second from the start of its read', async () => {
  const { state, catalogue } = shelf([1])

  await catalogue.load()
  state.now = 999
  await catalogue.load()
  expect(state.reads).toBe(1)

  state.now = 1_000
  await catalogue.load()
  expect(state.reads).toBe(2)
})

test('everybody who asks meanwhile waits for one read', async () => {
  const { state, catalogue } = shelf([1])

  await Promise.all(Array.from({ length: 50 }, () => catalogue.load()))

  expect(state.reads).toBe(1)
})

test('after a change the next asker does not get the read that began before it', async () => {
  const { state, catalogue } = shelf([1])
  let open = () => {}
  state.gate = new Promise((resolve) => {
    open = resolve
  })
  const before = catalogue.load()
  state.versionIds = [1, 2]
  catalogue.forget()
  const after = catalogue.load()
  open()

  expect((await before).tariffs[0]?.versions).toHaveLength(1)
  expect((await after).tariffs[0]?.versions).toHaveLength(2)
})

test('a failed read is not remembered', async () => {
  const { state, catalogue } = shelf([1])
  state.fail = true
  await expect(catalogue.load()).rejects.toThrow('away')
  state.fail = false

  expect((await catalogue.load()).tariffs).toHaveLength(1)
})

test('rate tables are read once, however many versions there are, and forgotten with their version', async () => {
  const ids = Array.from({ length: 2_000 }, (_, n) => n + 1)
  const { state, catalogue } = shelf(ids)

  const first = await catalogue.load()
  catalogue.forget()
  const second = await catalogue.load()

  expect(state.ratesRead).toEqual(ids)
  const tables = (list: typeof first) => list.tariffs[0]?.versions.map(({ rateTables }) => rateTables)
  expect(tables(first)?.every((each) => each.length === 1)).toBe(true)
  // The same objects: what the engine compiled from them is still good.
  expect(tables(second)?.every((each, n) => each === tables(first)?.[n])).toBe(true)

  state.versionIds = [1]
  catalogue.forget()
  await catalogue.load()
  state.versionIds = [1, 2]
  catalogue.forget()
  await catalogue.load()
  expect(state.ratesRead.slice(ids.length)).toEqual([2])
})

test('its clock is that of the database, and goes on with ours', async () => {
  const { state, catalogue } = shelf([1])
  const { now } = await catalogue.load()
  state.now += 250.9

  expect(now()).toBe('2026-01-01T00:00:00.250Z')
})
