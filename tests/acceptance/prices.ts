import { expect, it } from 'vitest'
import { ok, problem, type Stage } from './stage.ts'
import { today } from './wishes.ts'

const nowhere = 2_147_483_647

/** Tariffs and rules: kept by staff, for carriers, services and customers that the other modules know. */
export function prices(stage: Stage): void {
  const olga = () => stage.person('olga')
  const tariff = () => `/v1/tariffs/${stage.id('tariff')}`
  const makeTariff = (over: object) =>
    olga().ask('POST /v1/tariffs', {
      body: { code: 'acme', name: 'Acme', carrierId: stage.id('carrier'), scope: 'public', currency: 'USD', timezone: 'UTC', ...over },
    })
  const makeRule = (over: object) =>
    olga().ask('POST /v1/pricing-rules', {
      body: { code: 'PEAK', kind: 'surcharge', action: { percent: '1' }, effectiveFrom: '2099-01-01', ...over },
    })

  it('a tariff is of a carrier that there is: carrier says so', async () => {
    const answer = await makeTariff({ carrierId: nowhere })

    expect(answer).toMatchObject({ status: 422, body: { code: 'CARRIER_NOT_FOUND', errors: [{ in: 'body', path: '/carrierId' }] } })
  })

  it('and of services that the carrier has', async () => {
    const answer = await makeTariff({ serviceCodes: ['GND', 'NONE'] })

    expect(answer).toMatchObject({ status: 422, body: { code: 'UNKNOWN_SERVICE', errors: [{ path: '/serviceCodes/1' }] } })
  })

  it('and for a customer that there is: customer says so', async () => {
    const answer = await makeTariff({ scope: 'customer', customerId: nowhere })

    expect(answer).toMatchObject({ status: 422, body: { code: 'CUSTOMER_NOT_FOUND', errors: [{ path: '/customerId' }] } })
  })

  it('a tariff for everybody is for no customer', async () => {
    expect(await makeTariff({ customerId: stage.id('customer') })).toMatchObject(problem(422, 'INVALID_TARIFF'))
  })

  it('a code is taken once, and a tariff keeps its carrier', async () => {
    const { headers } = await olga().ask(`GET ${tariff()}`)
    const move = { ifMatch: headers.etag, body: { carrierId: stage.id('draft carrier') } }

    expect(await makeTariff({ code: 'fast-public' })).toMatchObject(problem(409, 'TARIFF_CODE_TAKEN'))
    expect(await olga().ask(`PATCH ${tariff()}`, move)).toMatchObject(problem(422, 'FIELD_IMMUTABLE'))
  })

  it('an empty draft is checked and not published, with all that is wrong', async () => {
    const { body } = ok(await makeTariff({ code: 'acme-contract', scope: 'customer', customerId: stage.id('customer') }))
    stage.keep('contract', body.id)
    const weightPolicy = { weightUnit: 'lb', dimUnit: 'in', aggregation: 'shipment_total' }
    const draft = ok(await olga().ask(`POST /v1/tariffs/${body.id}/versions`, { body: { effectiveFrom: '2099-01-01', weightPolicy } }))
    const version = draft.headers.location ?? ''

    const report = await olga().ask(`POST ${version}/validate`)
    const published = await olga().ask(`POST ${version}/publish`, { body: { reason: 'try' } })

    expect(report.body.errors).toMatchObject([{ code: 'EMPTY_VERSION' }])
    expect(published).toMatchObject({ status: 422, body: { code: 'VERSION_NOT_PUBLISHABLE', errors: [{ code: 'EMPTY_VERSION' }] } })
  })

  it('a rate table with a gap is refused where the gap is', async () => {
    const version = `/v1/tariffs/${stage.id('contract')}/versions/1`
    const { headers } = await olga().ask(`GET ${version}`)
    const put = (breaks: object[]) => {
      const tables = [{ service: 'GND', zone: '*', type: 'step', breaks }]
      return olga().ask(`PUT ${version}/rates`, { ifMatch: headers.etag, body: { tables } })
    }

    expect(
      await put([
        { from: '0', to: '5', price: '9.00' },
        { from: '6', to: '9', price: '9.50' },
      ]),
    ).toMatchObject(problem(422, 'INVALID_TABLE'))
    expect(await put([{ from: '0', to: '150', price: '9.00' }])).toMatchObject({ status: 200 })
  })

  it('a draft is deleted, and is gone', async () => {
    const draft = ok(
      await olga().ask(`POST /v1/tariffs/${stage.id('contract')}/versions`, { body: { basedOn: 1, effectiveFrom: '2098-01-01' } }),
    )
    const version = draft.headers.location ?? ''

    expect(await olga().ask(`DELETE ${version}`, { ifMatch: draft.headers.etag })).toMatchObject({ status: 204 })
    expect(await olga().ask(`GET ${version}`)).toMatchObject(problem(404, 'TARIFF_VERSION_NOT_FOUND'))
  })

  it('two versions are not in force at once, and one that was published never changes', async () => {
    const version = `/v1/tariffs/${stage.id('contract')}/versions/1`
    const published = await olga().ask(`POST ${version}/publish`, { body: { reason: 'as agreed' } })
    const again = ok(
      await olga().ask(`POST /v1/tariffs/${stage.id('contract')}/versions`, { body: { basedOn: 1, effectiveFrom: '2099-01-01' } }),
    )

    expect(published).toMatchObject({ status: 200, body: { state: 'published', publishedBy: olga().userId } })
    expect(await olga().ask(`POST ${again.headers.location}/publish`, { body: { reason: 'again' } })).toMatchObject(
      problem(409, 'OVERLAPPING_VERSIONS'),
    )
    const change = { ifMatch: published.headers.etag, body: { changeNote: 'late' } }
    expect(await olga().ask(`PATCH ${version}`, change)).toMatchObject(problem(409, 'VERSION_PUBLISHED'))
  })

  it('a version is withdrawn with a reason', async () => {
    const version = `/v1/tariffs/${stage.id('contract')}/versions/1`

    expect(await olga().ask(`POST ${version}/withdraw`, { body: {} })).toMatchObject(problem(422, 'REASON_REQUIRED'))
    expect(await olga().ask(`POST ${version}/withdraw`, { body: { reason: 'a mistake' } })).toMatchObject({
      status: 200,
      body: { state: 'withdrawn' },
    })
  })

  it('a rule is for a customer that there is: customer says so', async () => {
    const answer = await makeRule({ customerId: nowhere })

    expect(answer).toMatchObject({ status: 422, body: { code: 'CUSTOMER_NOT_FOUND', errors: [{ path: '/customerId' }] } })
  })

  it('a rule that contradicts itself is refused with the member that does', async () => {
    expect(await makeRule({ conditions: [{ attribute: 'moon.phase', op: 'eq', value: 'full' }] })).toMatchObject(
      problem(422, 'INVALID_CONDITION'),
    )
    expect(await makeRule({ kind: 'block', action: { percent: '5' } })).toMatchObject(problem(422, 'INVALID_RULE'))
  })

  it('a rule that is changed keeps its past', async () => {
    const rule = ok(await makeRule({ effectiveFrom: '2099-01-01' }))
    const address = `/v1/pricing-rules/${rule.body.id}`

    const changed = await olga().ask(`PATCH ${address}`, { ifMatch: rule.headers.etag, body: { action: { percent: '2' } } })
    const disabled = await olga().ask(`POST ${address}/disable`)

    expect([changed.body.number, disabled.body.number, disabled.body.enabled]).toEqual([2, 3, false])
    const history = await olga().ask(`GET ${address}/history`)
    expect(history.body.data.map(({ number, action }) => [number, action])).toEqual([
      [1, { percent: '1' }],
      [2, { percent: '2' }],
      [3, { percent: '2' }],
    ])
  })

  it('prices are found by carrier, customer and day', async () => {
    const list = async (query: string) => (await olga().ask(`GET ${query}`)).body.data.map(({ code }) => code)

    expect(await list(`/v1/tariffs?carrierId=${stage.id('carrier')}&sort=code`)).toEqual(['acme-contract', 'fast-public'])
    expect(await list(`/v1/tariffs?customerId=${stage.id('customer')}`)).toEqual(['acme-contract'])
    expect(await list(`/v1/pricing-rules?on=${today()}&sort=-id`)).toEqual(['RESIDENTIAL', 'FUEL', 'TIER', 'TIER'])
  })
}
