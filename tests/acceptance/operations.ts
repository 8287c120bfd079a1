import { expect, it } from 'vitest'
import type { Body, Reply } from './client.ts'
import { ok, problem, type Stage } from './stage.ts'

interface Consumer {
  readonly name: string
  readonly state: string
  readonly sources: readonly { readonly lag: number | null }[]
}

/** Events as operators see and mend them, whichever process they happen to ask. */
export function operations(stage: Stage): void {
  const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057'
  const types = ({ body }: Reply) => body.data.map(({ type }) => type)
  const consumerNamed = ({ body }: Reply<{ data: readonly Consumer[] }>, name: string) => body.data.find((each) => each.name === name)
  const consumers = (fits: (reply: Reply<{ data: readonly Consumer[] }>) => boolean) =>
    stage.admin.until<{ data: readonly Consumer[] }>('GET /v1/event-consumers', fits)
  const firstEvent = async (query: string): Promise<Body> => {
    const [event] = (await stage.admin.ask(`GET /v1/events?${query}`)).body.data
    if (!event) throw new Error(`no event of ${query}`)
    return event
  }

  it('the events of a thing are found, newest first', async () => {
    const ofUser = await stage.admin.ask(`GET /v1/events?subject=user/${stage.person('dora').userId}`)
    const ofCarrier = await stage.admin.ask(`GET /v1/events?subject=carrier/${stage.id('submitted carrier')}&type=carrier.status_changed`)

    expect(types(ofUser)).toEqual(['user.reactivated', 'user.suspended', 'user.created'])
    expect(ofUser.body.data.map(({ subjectSeq }) => subjectSeq)).toEqual([3, 2, 1])
    expect(ofCarrier.body.data.map(({ source }) => source)).toEqual(['carrier', 'carrier', 'carrier', 'carrier', 'carrier'])
  })

  it('page by page, each once', async () => {
    const query = `subject=carrier/${stage.id('carrier')}`
    const seen: unknown[] = []
    let page = await stage.admin.ask(`GET /v1/events?${query}&limit=3`)
    for (;;) {
      seen.push(...page.body.data.map(({ id }) => id))
      if (page.body.page.nextCursor === null) break
      page = await stage.admin.ask(`GET /v1/events?${query}&limit=3&cursor=${page.body.page.nextCursor}`)
    }

    const all = await stage.admin.ask(`GET /v1/events?${query}&limit=200`)
    expect(seen).toEqual(all.body.data.map(({ id }) => id))
    expect(seen.length).toBeGreaterThan(6)
  })

  it('an event is shown without what is personal, with where its consumers stand', async () => {
    const { id } = await firstEvent(`subject=user/${stage.person('cora').userId}&type=user.created`)

    const shown = await stage.admin.ask(`GET /v1/events/${id}`)

    expect(shown.body).toMatchObject({
      source: 'shared_user',
      data: { userId: stage.person('cora').userId, email: '(personal)', company: { name: 'Acme Tools' } },
      consumers: [{ consumer: 'customer.profile', state: 'settled' }],
      causes: [],
    })
    expect(shown.text).not.toContain('cora@')
  })

  it('and with what caused it, in whichever module that was', async () => {
    const { id } = await firstEvent(`subject=customer/${stage.id('customer')}&type=customer.created`)
    const cancelled = await firstEvent(`subject=quote/${stage.id('quote')}&type=quote.cancelled`)

    expect((await stage.admin.ask(`GET /v1/events/${id}`)).body.causes).toMatchObject([{ type: 'user.created' }])
    expect((await stage.admin.ask(`GET /v1/events/${cancelled.id}`)).body.causes).toMatchObject([{ type: 'customer.status_changed' }])
  })

  it('events are found by what is shown of them, and by nothing that is not', async () => {
    expect(types(await stage.admin.ask('GET /v1/events?text=acme&type=user.created'))).toEqual(['user.created'])
    expect(types(await stage.admin.ask('GET /v1/events?text=cora@example.com'))).toEqual([])
    expect(types(await stage.admin.ask('GET /v1/events?consumer=pricing.closed_customers&text=closed'))).toEqual([
      'customer.status_changed',
      'customer.status_changed',
    ])
  })

  it('every consumer is listed, wherever it is hosted, and has heard everything', async () => {
    const listed = await consumers(({ body }) => body.data.every(({ sources }) => sources.every(({ lag }) => lag === 0)))

    expect(listed.body.data.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'auth.sessions active',
      'carrier.owner active',
      'customer.profile active',
      'pricing.closed_customers active',
    ])
  })

  it('a consumer that is paused hears nothing until it is resumed, and then all of it', async () => {
    const steer = (action: string, body = {}) => stage.admin.ask(`POST /v1/event-consumers/customer.profile/${action}`, { body })

    expect(await steer('pause')).toMatchObject(problem(422, 'REASON_REQUIRED'))
    expect(await steer('pause', { reason: 'a move' })).toMatchObject({ status: 200, body: { state: 'paused', reason: 'a move' } })
    const userId = await stage.register('opal')
    await consumers((reply) => consumerNamed(reply, 'customer.profile')?.sources[0]?.lag === 1)
    expect((await stage.admin.ask(`GET /v1/customers?userId=${userId}`)).body.data).toEqual([])

    expect(await steer('resume', { reason: 'moved' })).toMatchObject({ status: 200, body: { state: 'active' } })
    const late = await stage.admin.until(`GET /v1/customers?userId=${userId}`, ({ body }) => body.data.length > 0)
    expect(late.body.data).toMatchObject([{ type: 'individual' }])
  })

  it('there are no dead letters, and nothing is retried that has been handled', async () => {
    const { id } = await firstEvent(`subject=user/${stage.userId('opal')}`)

    expect((await stage.admin.ask('GET /v1/dead-letters')).body.data).toEqual([])
    expect((await stage.admin.ask('POST /v1/dead-letters/retry', { body: { dryRun: true } })).body).toMatchObject({
      matched: 0,
      retried: 0,
    })
    expect(await stage.admin.ask(`POST /v1/events/${id}/retry`, { body: { reason: 'why not' } })).toMatchObject(
      problem(409, 'INVALID_TRANSITION'),
    )
  })

  it('what was heard is handled again and changes nothing that is newer', async () => {
    const { userId } = stage.person('dora')
    const profile = await stage.admin.ask(`GET /v1/customers?userId=${userId}`)
    const wish = { consumer: 'customer.profile', subject: `user/${userId}` }

    const asking = { body: { ...wish, reason: 'a story' }, key: 'replay-dora' }
    const tried = await stage.admin.ask('POST /v1/events/replay', { body: { ...wish, dryRun: true }, key: 'try-dora' })
    const asked = ok(await stage.admin.ask('POST /v1/events/replay', asking))
    const again = await stage.admin.ask('POST /v1/events/replay', asking)
    const job = await stage.admin.until(`GET /v1/event-jobs/${asked.body.id}`, ({ body }) => body.handled === 3)

    expect([tried.status, tried.body.total]).toEqual([200, 3])
    expect([again.body.id, again.headers['idempotent-replayed']]).toEqual([asked.body.id, 'true'])
    expect(asked).toMatchObject({ status: 202, headers: { location: `/v1/event-jobs/${asked.body.id}` } })
    expect(job.body).toMatchObject({ state: 'succeeded', total: 3, dead: 0, reason: 'a story' })
    expect((await stage.admin.ask(`GET /v1/customers?userId=${userId}`)).body).toEqual(profile.body)
  })

  it('what does not exist is not found, wherever it would be', async () => {
    expect(await stage.admin.ask(`GET /v1/events/${nowhere}`)).toMatchObject(problem(404, 'EVENT_NOT_FOUND'))
    expect(await stage.admin.ask(`GET /v1/event-jobs/${nowhere}`)).toMatchObject(problem(404, 'EVENT_JOB_NOT_FOUND'))
    expect(await stage.admin.ask('POST /v1/event-consumers/nobody.there/pause', { body: { reason: 'no' } })).toMatchObject(
      problem(404, 'CONSUMER_NOT_FOUND'),
    )
  })

  it('auditors look, nobody else does, and only administrators mend', async () => {
    for (const line of ['GET /v1/events', `GET /v1/events/${nowhere}`, 'GET /v1/dead-letters', 'GET /v1/event-consumers'])
      expect([line, await stage.person('cora').ask(line)]).toMatchObject([line, problem(403, 'FORBIDDEN')])
    const audrey = stage.person('audrey')
    expect((await audrey.ask('GET /v1/events?type=quote.created&limit=1')).status).toBe(200)
    for (const line of [
      `POST /v1/events/${nowhere}/retry`,
      'POST /v1/dead-letters/retry',
      'POST /v1/event-consumers/customer.profile/pause',
    ])
      expect([line, await audrey.ask(line, { body: { reason: 'no' } })]).toMatchObject([line, problem(403, 'FORBIDDEN')])
  })
}
