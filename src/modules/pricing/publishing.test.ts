import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answered } from '#support/module-world.ts'
import { admin, dayAfter, flat, openPricingWorld, type PricingWorld, shipment, staff, today } from '#support/pricing-world.ts'
import { createCatalogue } from './catalogue.ts'
import { asKnownAt, versionInForce } from './engine/effective.ts'
import { createPricingRepository } from './repository.ts'
import { readContent } from './version-content.ts'

let world: PricingWorld
beforeAll(async () => {
  world = await openPricingWorld()
})
afterAll(() => world.close())

const at = (tariffId: number, number: number, rest = '') => `/v1/tariffs/${tariffId}/versions/${number}${rest}`
const coded = ({ status, body }: Answered) => [status, body.code]
const withRights = (...extra: string[]) => [staff[0], ...staff.slice(1).map(String), ...extra] as const

async function tariffOf(codes: string[] = ['GND']) {
  const carrier = world.makeCarrier(codes)
  return { carrier, tariffId: await world.makeTariff(carrier.id) }
}
const draft = (tariffId: number, price: string, effectiveFrom = today(), more: object = {}) =>
  world.makeDraft(tariffId, [flat('GND', price)], { effectiveFrom, ...more })

describe('publishing', () => {
  test('puts a draft in force with its hash, one audit row and one event', async () => {
    const { tariffId, carrier } = await tariffOf()
    const { number, id } = await draft(tariffId, '10.00')

    const answer = await world.publish(tariffId, number)

    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      state: 'published',
      engineVersion: '1',
      publishedBy: 1,
      closedVersionId: null,
      affectedQuotes: null,
    })
    expect((await world.audited(`tariff/${tariffId}`)).at(-1)).toMatchObject({ action: 'tariff.version_published', reason: 'new prices' })
    expect(await world.told(`tariff/${tariffId}`)).toEqual([
      {
        type: 'tariff.version_published',
        subject: `tariff/${tariffId}`,
        data: {
          tariffId,
          versionId: id,
          number,
          carrierId: carrier.id,
          scope: 'public',
          effectiveFrom: today(),
          effectiveTo: null,
          contentHash: answer.body.contentHash,
          diff: { added: 1, removed: 0, changed: 0, unchanged: 0 },
        },
      },
    ])
  })

  test('again answers the same and says nothing', async () => {
    const { tariffId } = await tariffOf()
    const first = await draft(tariffId, '10.00')
    await world.publish(tariffId, first.number)
    const second = await draft(tariffId, '11.00', dayAfter(1))
    const once = await world.publish(tariffId, second.number)

    const again = await world.publish(tariffId, second.number)

    expect(again.status).toBe(200)
    expect(again.text).toBe(once.text)
    expect(await world.told(`tariff/${tariffId}`)).toHaveLength(2)
  })

  test('warnings are answered and stay readable', async () => {
    const { tariffId } = await tariffOf()
    const falling = flat('GND', '0', {
      breaks: [
        { from: '0', to: '5', price: '9.00' },
        { from: '5', price: '8.00' },
      ],
    })
    const { number } = await world.makeDraft(tariffId, [falling])

    const answer = await world.publish(tariffId, number)

    expect(answer.body.warnings).toMatchObject([{ code: 'PRICE_FALLS', path: '/rateTables/0/breaks/1' }])
    expect((await world.ask(`GET ${at(tariffId, number)}`, { as: admin })).body.warnings).toEqual(answer.body.warnings)
  })

  test('an If-Match of an older draft is refused', async () => {
    const { tariffId } = await tariffOf()
    const { number } = await draft(tariffId, '10.00')

    const answer = await world.ask(`POST ${at(tariffId, number, '/publish')}`, { as: admin, body: {}, ifMatch: 1 })

    expect(coded(answer)).toEqual([412, 'VERSION_MISMATCH'])
  })

  test('PRC-1 a published version answers 409 to every write', async () => {
    const { tariffId } = await tariffOf()
    const { number, id } = await draft(tariffId, '10.00')
    const rule = await world.makeRule({ code: 'FUEL', kind: 'surcharge', action: { percent: '10' }, tariffVersionId: id })
    const { version } = (await world.publish(tariffId, number)).body
    const ifMatch = Number(version)

    const writes = [
      await world.ask(`PATCH ${at(tariffId, number)}`, { as: admin, ifMatch, body: { changeNote: 'late' } }),
      await world.ask(`PATCH ${at(tariffId, number)}`, { as: admin, ifMatch, body: {} }),
      await world.ask(`PUT ${at(tariffId, number, '/rates')}`, { as: admin, ifMatch, body: { tables: [] } }),
      await world.ask(`DELETE ${at(tariffId, number)}`, { as: admin, ifMatch }),
      await world.ask('POST /v1/pricing-rules', {
        as: admin,
        body: { code: 'LATE', kind: 'surcharge', action: { percent: '1' }, effectiveFrom: today(), tariffVersionId: id },
      }),
      await world.ask(`PATCH /v1/pricing-rules/${rule.id}`, { as: admin, ifMatch: 1, body: { priority: 9 } }),
      await world.ask(`POST /v1/pricing-rules/${rule.id}/disable`, { as: admin }),
      await world.ask(`POST /v1/pricing-rules/${rule.id}/enable`, { as: admin }),
    ]

    expect(writes.map(coded)).toEqual(writes.map(() => [409, 'VERSION_PUBLISHED']))
  })

  test('PRC-1 the content hash can be computed again from the database, and tells a change of any part', async () => {
    const { tariffId } = await tariffOf(['GND', 'AIR'])
    const tables = [
      flat('GND', '0', {
        breaks: [
          { from: '5', price: '12.5' },
          { from: '0.00', to: '5', price: '10' },
        ],
      }),
      { service: 'AIR', zone: '*', type: 'volume', minCharge: '24', breaks: [{ from: '0', rate: '4.350', flat: '1' }] },
    ]
    const { number, id } = await world.makeDraft(tariffId, tables, { minTotal: '9', rounding: { mode: 'up', increment: '0.05' } })
    await world.makeRule({
      code: 'FUEL',
      kind: 'surcharge',
      action: { percent: '12.50' },
      conditions: [{ attribute: 'chargeableWeight', op: 'gt', value: '1.0' }],
      tariffVersionId: id,
    })
    const { contentHash } = (await world.publish(tariffId, number)).body
    const repository = createPricingRepository(world.connection)
    const recompute = async () => {
      const [tariff, row] = [await repository.tariffs.find(tariffId), await repository.versions.find(tariffId, number)]
      if (!tariff || !row) throw new Error('the version is gone')
      return (await readContent(repository, tariff, row)).hash
    }

    expect(await recompute()).toBe(contentHash)
    const tampered = [
      sql`UPDATE rate_rows SET price_minor = price_minor + 1 WHERE price_minor = 1250`,
      sql`UPDATE rate_tables SET min_charge_minor = 2401 WHERE version_id = ${id} AND service = 'AIR'`,
      sql`UPDATE pricing_rules SET priority = 3 WHERE tariff_version_id = ${id}`,
      sql`UPDATE tariff_versions SET effective_to = '2099-01-01' WHERE id = ${id}`,
    ]
    const hashes = [contentHash]
    for (const statement of tampered) {
      await world.connection.db.execute(statement)
      hashes.push(await recompute())
    }
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  test('PRC-2 a draft with errors is refused with the report of the linter, and nothing is left of the attempt', async () => {
    const { tariffId } = await tariffOf()
    const { number } = await world.makeDraft(tariffId, [flat('GND', '0.00'), flat('SEA', '1.00')])

    const report = await world.ask(`POST ${at(tariffId, number, '/validate')}`, { as: admin })
    const answer = await world.publish(tariffId, number)

    expect(coded(answer)).toEqual([422, 'VERSION_NOT_PUBLISHABLE'])
    const errors = [
      { code: 'ZERO_PRICE', path: '/rateTables/0/breaks/0' },
      { code: 'UNKNOWN_SERVICE', path: '/rateTables/1/service' },
    ]
    expect(report.body.errors).toMatchObject(errors)
    expect(answer.body.errors).toMatchObject(errors)
    expect((await world.ask(`GET ${at(tariffId, number)}`, { as: admin })).body).toMatchObject({ state: 'draft', contentHash: null })
    expect(await world.told(`tariff/${tariffId}`)).toEqual([])
    expect((await world.audited(`tariff/${tariffId}`)).map(({ action }) => action)).not.toContain('tariff.version_published')
  })

  test.each(['outbox', 'audit_log', 'tariff_version_closings'])('PRC-2 when %s cannot be written nothing is published', async (table) => {
    const { tariffId } = await tariffOf()
    const first = await draft(tariffId, '10.00')
    await world.publish(tariffId, first.number)
    const { number } = await draft(tariffId, '11.00', dayAfter(1))
    const before = [await world.audited(`tariff/${tariffId}`), await world.told(`tariff/${tariffId}`)]

    const unlock = await world.databases.lockTable('pricing_service_db', table)
    const answer = await world.publish(tariffId, number)
    await unlock()

    expect(answer.status).toBeGreaterThanOrEqual(500)
    expect((await world.ask(`GET ${at(tariffId, number)}`, { as: admin })).body).toMatchObject({ state: 'draft', contentHash: null })
    expect((await world.ask(`GET ${at(tariffId, first.number)}`, { as: admin })).body).toMatchObject({ closedTo: null })
    expect([await world.audited(`tariff/${tariffId}`), await world.told(`tariff/${tariffId}`)]).toEqual(before)
  })

  test('PRC-3 of 50 publishers of one interval one succeeds and the others learn why not', async () => {
    const { tariffId } = await tariffOf()
    const drafts = []
    for (let price = 1; price <= 50; price += 1) drafts.push(await draft(tariffId, `${price}.00`))

    const answers = await Promise.all(drafts.map(({ number }) => world.publish(tariffId, number)))

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const losers = answers.filter(({ status }) => status !== 200)
    expect(losers.map(coded)).toEqual(losers.map(() => [409, 'OVERLAPPING_VERSIONS']))
    expect(await world.told(`tariff/${tariffId}`)).toHaveLength(1)
  })

  test('PRC-3 publishers of the same draft have one effect', async () => {
    const { tariffId } = await tariffOf()
    const { number } = await draft(tariffId, '10.00')

    const answers = await Promise.all(Array.from({ length: 10 }, () => world.publish(tariffId, number)))

    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(await world.told(`tariff/${tariffId}`)).toHaveLength(1)
  })

  test('a rule that is attached while its version is published is in the hash or is refused', async () => {
    const { tariffId } = await tariffOf()
    const repository = createPricingRepository(world.connection)
    for (let round = 0; round < 5; round += 1) {
      const { number, id } = await draft(tariffId, '10.00', dayAfter(round))
      const rules = Array.from({ length: 8 }, (_, n) =>
        world.ask('POST /v1/pricing-rules', {
          as: admin,
          body: { code: `R${n}`, kind: 'surcharge', action: { percent: '1' }, effectiveFrom: today(), tariffVersionId: id },
        }),
      )

      const [published, ...attached] = await Promise.all([world.publish(tariffId, number), ...rules])

      const [tariff, row] = [await repository.tariffs.find(tariffId), await repository.versions.find(tariffId, number)]
      if (!tariff || !row) throw new Error('the version is gone')
      const content = await readContent(repository, tariff, row)
      expect(published?.body.contentHash).toBe(content.hash)
      expect(content.rules).toHaveLength(attached.filter(({ status }) => status === 201).length)
    }
  })

  test('a version closes its predecessor where it begins, by a record of its own', async () => {
    const { tariffId } = await tariffOf()
    const first = await draft(tariffId, '10.00')
    const before = (await world.publish(tariffId, first.number)).body
    const second = await draft(tariffId, '11.00', dayAfter(5))

    const answer = await world.publish(tariffId, second.number)

    expect(answer.body).toMatchObject({ closedVersionId: first.id, closedTo: null })
    const { closedTo, ...rest } = (await world.ask(`GET ${at(tariffId, first.number)}`, { as: admin })).body
    const { closedVersionId: _, affectedQuotes: __, closedTo: ___, ...asPublished } = before
    expect(closedTo).toBe(dayAfter(5))
    expect(rest).toEqual(asPublished)
    expect((await world.told(`tariff/${tariffId}`))[1]?.data).toMatchObject({ closedVersionId: first.id, diff: { changed: 1 } })
  })

  test('the record of a closing is of the instant of the publication that made it', async () => {
    const { tariffId } = await tariffOf()
    const first = await draft(tariffId, '10.00')
    await world.publish(tariffId, first.number)
    const { publishedAt } = (await world.publish(tariffId, (await draft(tariffId, '11.00', dayAfter(5))).number)).body

    const closings = await createPricingRepository(world.connection).versions.closingsOf([first.id])

    expect(closings.map(({ at: instant }) => instant)).toEqual([publishedAt])
  })

  test('PRC-6 whoever reads prices while versions follow each other finds exactly one in force', async () => {
    const { tariffId } = await tariffOf()
    await world.publish(tariffId, (await draft(tariffId, '10.00', dayAfter(1))).number)
    const drafts: number[] = []
    for (let day = 2; day <= 31; day += 1) drafts.push((await draft(tariffId, `${day}.00`, dayAfter(day))).number)
    let tick = 0
    // Every look is a read of its own: a second has passed since the one before.
    const catalogue = createCatalogue(createPricingRepository(world.connection), () => {
      tick += 1_000
      return tick
    })
    let isOver = false
    let looks = 0
    const looking = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const { tariffs, now } = await catalogue.load()
        const versions = tariffs.find(({ id }) => id === tariffId)?.versions.flatMap((one) => asKnownAt(one, Date.parse(now())) ?? []) ?? []
        expect(versionInForce(versions, dayAfter(60)).rateTables).toHaveLength(1)
        looks += 1
      }
    })

    for (const number of drafts) await world.publish(tariffId, number)
    isOver = true
    await Promise.all(looking)

    expect(looks).toBeGreaterThan(drafts.length)
  })

  test('the list of versions names the one in force on a day', async () => {
    const { tariffId } = await tariffOf()
    for (const [price, from] of [
      ['10.00', today()],
      ['11.00', dayAfter(5)],
    ] as const) {
      await world.publish(tariffId, (await draft(tariffId, price, from)).number)
    }
    const inForce = async (day: string) =>
      ((await world.ask(`GET /v1/tariffs/${tariffId}/versions?on=${day}`, { as: admin })).body.data as { number: number }[]).map(
        ({ number }) => number,
      )

    expect(await inForce(dayAfter(-1))).toEqual([])
    expect(await inForce(dayAfter(4))).toEqual([1])
    expect(await inForce(dayAfter(5))).toEqual([2])
  })

  test('validating says what publishing would: an overlap is an error, an early beginning a warning', async () => {
    const { tariffId } = await tariffOf()
    await world.publish(tariffId, (await draft(tariffId, '10.00', dayAfter(2))).number)
    const { number } = await draft(tariffId, '11.00', dayAfter(-2))

    const report = await world.ask(`POST ${at(tariffId, number, '/validate')}`, { as: admin })

    expect(report.body).toMatchObject({
      errors: [{ code: 'OVERLAPPING_VERSIONS' }],
      warnings: [{ code: 'BACKDATED', path: '/effectiveFrom' }],
    })
  })

  test('PRC-4 a version of the past needs the right and a reason, counts the open quotes it would have priced, and changes none', async () => {
    const { tariffId, carrier } = await tariffOf()
    const customerId = world.makeCustomer()
    await world.publish(tariffId, (await draft(tariffId, '10.00', dayAfter(-20))).number)
    const quoted = await world.quote(shipment(carrier.id, { customerId, shipDate: today() }))
    const { number } = await draft(tariffId, '99.00', dayAfter(-10))

    const noRight = await world.publish(tariffId, number, { reason: 'a mistake of ours' }, staff)
    const noReason = await world.publish(tariffId, number, {})
    const blank = await world.publish(tariffId, number, { reason: '   ' })
    const answer = await world.publish(tariffId, number, { reason: 'a mistake of ours' }, withRights('tariff:backdate:any'))

    expect([noRight, noReason, blank].map(coded)).toEqual([
      [403, 'FORBIDDEN'],
      [422, 'REASON_REQUIRED'],
      [422, 'REASON_REQUIRED'],
    ])
    expect(answer.body).toMatchObject({ affectedQuotes: 1, warnings: [{ code: 'BACKDATED' }] })
    expect((await world.ask(`GET /v1/quotes/${quoted.body.id}`, { as: admin })).text).toBe(quoted.text)
  })

  test('a version that ends before the open quotes ship counts none of them', async () => {
    const { tariffId, carrier } = await tariffOf()
    const customerId = world.makeCustomer()
    await world.publish(tariffId, (await draft(tariffId, '10.00', dayAfter(-20))).number)
    await world.quote(shipment(carrier.id, { customerId, shipDate: today() }))
    const { number } = await draft(tariffId, '99.00', dayAfter(-10), { effectiveTo: dayAfter(-5) })

    const answer = await world.publish(tariffId, number)

    expect(answer.body.affectedQuotes).toBe(0)
  })

  test('two rules that only their ids tell apart block, unless somebody with the right says why not', async () => {
    const { tariffId } = await tariffOf()
    const { number, id } = await draft(tariffId, '10.00')
    for (const percent of ['5', '6']) await world.makeRule({ code: 'FUEL', kind: 'surcharge', action: { percent }, tariffVersionId: id })
    const force = { force: ['AMBIGUOUS_RULES'] }

    const blocked = await world.publish(tariffId, number)
    const noRight = await world.publish(tariffId, number, { ...force, reason: 'agreed' }, staff)
    const noReason = await world.publish(tariffId, number, force)
    const forced = await world.publish(tariffId, number, { ...force, reason: 'agreed' }, withRights('tariff:force:any'))

    expect(coded(blocked)).toEqual([422, 'VERSION_NOT_PUBLISHABLE'])
    expect(coded(noRight)).toEqual([403, 'FORBIDDEN'])
    expect(coded(noReason)).toEqual([422, 'REASON_REQUIRED'])
    expect(forced.body).toMatchObject({ state: 'published', warnings: [{ code: 'AMBIGUOUS_RULES' }] })
  })

  test('a free rule of another carrier or in another currency of it does not stand in the way', async () => {
    const { tariffId } = await tariffOf()
    const other = world.makeCarrier(['GND'])
    await world.makeRule({
      code: 'TOLL',
      kind: 'surcharge',
      action: { amount: { amount: '5.00', currency: 'EUR' } },
      conditions: [{ attribute: 'carrier.code', op: 'eq', value: other.code }],
      sequence: 10,
    })
    const { number } = await draft(tariffId, '10.00')

    expect((await world.publish(tariffId, number)).status).toBe(200)
  })
})

describe('withdrawing', () => {
  test('takes a version out for new prices with a reason, an audit row and an event; again it says nothing', async () => {
    const { tariffId, carrier } = await tariffOf()
    const customerId = world.makeCustomer()
    const { number } = await draft(tariffId, '10.00')
    await world.publish(tariffId, number)
    const withdraw = (body: object) => world.ask(`POST ${at(tariffId, number, '/withdraw')}`, { as: admin, body })

    const noReason = await withdraw({})
    const withdrawn = await withdraw({ reason: 'wrong prices' })
    const again = await withdraw({ reason: 'wrong prices' })
    const publishAgain = await world.publish(tariffId, number)
    const quoted = await world.quote(shipment(carrier.id, { customerId }))

    expect(coded(noReason)).toEqual([422, 'REASON_REQUIRED'])
    expect(withdrawn.body).toMatchObject({ state: 'withdrawn', withdrawnAt: expect.any(String) })
    expect(again.text).toBe(withdrawn.text)
    expect(coded(publishAgain)).toEqual([409, 'INVALID_TRANSITION'])
    expect(quoted.body.ineligible).toMatchObject([{ serviceCode: 'GND', code: 'NO_TARIFF' }])
    expect((await world.told(`tariff/${tariffId}`)).map(({ type }) => type)).toEqual([
      'tariff.version_published',
      'tariff.version_withdrawn',
    ])
    expect((await world.audited(`tariff/${tariffId}`)).at(-1)).toMatchObject({ action: 'tariff.version_withdrawn', reason: 'wrong prices' })
  })

  test('a draft cannot be withdrawn', async () => {
    const { tariffId } = await tariffOf()
    const { number } = await draft(tariffId, '10.00')

    const answer = await world.ask(`POST ${at(tariffId, number, '/withdraw')}`, { as: admin, body: { reason: 'why not' } })

    expect(coded(answer)).toEqual([409, 'INVALID_TRANSITION'])
  })
})
