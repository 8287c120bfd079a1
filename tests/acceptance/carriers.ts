import { expect, it } from 'vitest'
import { ok, problem, type Stage } from './stage.ts'

const nowhere = 2_147_483_647

/** Carriers and their services: described by owners, reviewed by staff. */
export function carriers(stage: Stage): void {
  const [carl, olga] = [() => stage.person('carl'), () => stage.person('olga')]
  const draft = () => `/v1/carriers/${stage.id('draft carrier')}`

  it('a carrier belongs to an active user: user says so', async () => {
    const body = { code: 'orphan', name: 'Orphan', modes: ['rail'], ownerId: nowhere }

    const answer = await olga().ask('POST /v1/carriers', { body })

    expect(answer).toMatchObject({ status: 422, body: { code: 'USER_NOT_FOUND', errors: [{ in: 'body', path: '/ownerId' }] } })
  })

  it('a code is taken for ever, and a SCAC is none of equipment', async () => {
    const make = (over: object) => carl().ask('POST /v1/carriers', { body: { code: 'new', name: 'New', modes: ['rail'], ...over } })

    expect(await make({ code: 'fast' })).toMatchObject(problem(409, 'CARRIER_CODE_TAKEN'))
    expect(await make({ scac: 'ABCU' })).toMatchObject(problem(422, 'INVALID_SCAC'))
  })

  it('a carrier without a service is not handed in', async () => {
    expect(await carl().ask(`POST ${draft()}/submit`)).toMatchObject(problem(422, 'CARRIER_INCOMPLETE'))
  })

  it('services are added and changed by the owner', async () => {
    const add = (over: object) =>
      carl().ask(`POST ${draft()}/services`, { body: { code: 'FCL', name: 'Full container', mode: 'ocean', ...over } })
    const added = await add({ transit: { minDays: 20, maxDays: 30 } })

    expect(added).toMatchObject({ status: 201, headers: { location: `${draft()}/services/FCL` }, body: { status: 'draft' } })
    expect(await add({})).toMatchObject(problem(409, 'CARRIER_SERVICE_CODE_TAKEN'))
    expect(await add({ code: 'LCL', transit: { minDays: 9, maxDays: 3 } })).toMatchObject(problem(422, 'INVALID_TRANSIT'))
    const change = { ifMatch: added.headers.etag, body: { guaranteed: true, features: ['reefer'] } }
    expect(await carl().ask(`PATCH ${draft()}/services/FCL`, change)).toMatchObject({ status: 200, body: { guaranteed: true, version: 2 } })
    expect(await carl().ask(`GET ${draft()}/services/NONE`)).toMatchObject(problem(404, 'CARRIER_SERVICE_NOT_FOUND'))
  })

  it('a service is offered, paused and offered again', async () => {
    const act = async (action: string) => {
      const { status, body } = await carl().ask(`POST ${draft()}/services/FCL/${action}`)
      return [status, status === 200 ? body.status : body.code]
    }

    expect([await act('activate'), await act('pause'), await act('activate'), await act('resume')]).toEqual([
      [200, 'active'],
      [200, 'paused'],
      [409, 'INVALID_TRANSITION'],
      [200, 'active'],
    ])
  })

  it('staff sends a carrier back with a reason, and the owner hands it in again', async () => {
    const submitted = `/v1/carriers/${stage.id('submitted carrier')}`

    expect(await olga().ask(`POST ${submitted}/reject`, { body: {} })).toMatchObject(problem(422, 'REASON_REQUIRED'))
    expect(await olga().ask(`POST ${submitted}/reject`, { body: { reason: 'no insurance' } })).toMatchObject({
      status: 200,
      body: { status: 'draft' },
    })
    expect(await stage.person('rita').ask(`POST ${submitted}/submit`)).toMatchObject({ status: 200, body: { status: 'pending_review' } })
  })

  it('a carrier goes to another user, who is one, and is no longer seen by the one before', async () => {
    const rita = stage.person('rita')
    const give = (ownerId: number) => stage.admin.ask(`POST ${draft()}/transfer-owner`, { body: { ownerId, reason: 'sold' } })

    expect(await give(nowhere)).toMatchObject({ status: 422, body: { code: 'USER_NOT_FOUND', errors: [{ path: '/ownerId' }] } })
    expect(await give(rita.userId)).toMatchObject({ status: 200, body: { ownerId: rita.userId, ownerActive: true } })
    expect(await carl().ask(`GET ${draft()}`)).toMatchObject(problem(404, 'CARRIER_NOT_FOUND'))
  })

  it('a carrier whose insurance has run out is suspended until it is insured again', async () => {
    const carrier = `/v1/carriers/${stage.id('submitted carrier')}`
    ok(await olga().ask(`POST ${carrier}/approve`))
    const insure = async (insuranceExpiresOn: string) => {
      const { headers } = await stage.person('rita').ask(`GET ${carrier}`)
      return stage.person('rita').ask(`PATCH ${carrier}`, { ifMatch: headers.etag, body: { insuranceExpiresOn } })
    }

    expect(await insure('2020-01-01')).toMatchObject({ status: 200, body: { status: 'suspended' } })
    expect(await olga().ask(`POST ${carrier}/reinstate`)).toMatchObject(problem(409, 'INSURANCE_EXPIRED'))
    expect(await insure('2099-01-01')).toMatchObject({ status: 200, body: { status: 'active' } })
  })

  it('a retired carrier is retired with its services, and changes no more', async () => {
    const carrier = `/v1/carriers/${stage.id('submitted carrier')}`

    expect(await stage.admin.ask(`POST ${carrier}/retire`)).toMatchObject({ status: 200, body: { status: 'retired' } })

    const { headers } = await olga().ask(`GET ${carrier}`)
    const services = await olga().ask(`GET ${carrier}/services`)
    expect(services.body.data).toMatchObject([{ code: 'LTL', status: 'retired' }])
    expect(await stage.person('rita').ask(`PATCH ${carrier}`, { ifMatch: headers.etag, body: { name: 'Late' } })).toMatchObject(
      problem(409, 'INVALID_TRANSITION'),
    )
  })
}
