import { expect, it } from 'vitest'
import type { Asking } from './client.ts'
import { problem, type Stage } from './stage.ts'

/** What is true of every address, whichever process answers it. */
export function surface(stage: Stage): void {
  /** A list of each module. */
  const lists = ['/v1/users', '/v1/customers', '/v1/carriers', '/v1/tariffs', '/v1/quotes'] as const
  const refusal = async (line: string, asking?: Asking) => {
    const { status, body } = await stage.admin.ask(line, asking)
    return [line, status, body.code]
  }

  it('an address that nobody has does not exist', async () => {
    for (const path of ['/v1/nothing', '/v1/customers/1/nothing', '/v1', '/v2/users'])
      expect(await refusal(`GET ${path}`)).toEqual([`GET ${path}`, 404, 'ROUTE_NOT_FOUND'])
  })

  it('an id that is none does not exist at any module', async () => {
    for (const path of ['/v1/users/007', '/v1/customers/1e3', '/v1/carriers/-1', '/v1/quotes/0'])
      expect(await refusal(`GET ${path}`)).toEqual([`GET ${path}`, 404, 'ROUTE_NOT_FOUND'])
  })

  it('an address answers to its own methods and names them', async () => {
    for (const path of lists) {
      const answer = await stage.admin.ask(`DELETE ${path}`)
      expect([path, answer]).toMatchObject([path, problem(405, 'METHOD_NOT_ALLOWED')])
      expect(answer.headers.allow).toContain('GET')
    }
  })

  it('a body that is no JSON, none that is read, or too large is refused at every module', async () => {
    for (const path of ['/v1/auth/login', '/v1/customers', '/v1/carriers', '/v1/quotes']) {
      const line = `POST ${path}`
      expect(await refusal(line, { body: '{"a":' })).toEqual([line, 400, 'MALFORMED_JSON'])
      expect(await refusal(line, { body: 'a=1', headers: { 'content-type': 'text/plain' } })).toEqual([line, 415, 'UNSUPPORTED_MEDIA_TYPE'])
      expect(await refusal(line, { body: { long: 'x'.repeat(70_000) } })).toEqual([line, 413, 'BODY_TOO_LARGE'])
    }
  })

  it('a query is read strictly by every list', async () => {
    for (const path of lists) {
      for (const query of ['limit=0', 'limit=201', 'limit=x', 'colour=red', 'sort=colour', 'limit=1&limit=2'])
        expect(await refusal(`GET ${path}?${query}`)).toEqual([`GET ${path}?${query}`, 400, 'VALIDATION_FAILED'])
      expect(await refusal(`GET ${path}?cursor=bm9uc2Vuc2U`)).toEqual([`GET ${path}?cursor=bm9uc2Vuc2U`, 400, 'CURSOR_INVALID'])
    }
  })

  it('a cursor belongs to one list and one order', async () => {
    const { body } = await stage.admin.ask('GET /v1/users?limit=1&sort=email')
    const other = (path: string) => stage.admin.ask(`GET ${path}&cursor=${body.page.nextCursor}`)

    expect((await other('/v1/users?limit=1&sort=email')).status).toBe(200)
    expect(await other('/v1/users?limit=1')).toMatchObject(problem(400, 'CURSOR_INVALID'))
    expect(await other('/v1/customers?limit=1')).toMatchObject(problem(400, 'CURSOR_INVALID'))
  })

  it('lists are walked page by page, each row once', async () => {
    for (const path of ['/v1/users?sort=lastName', '/v1/customers?sort=-companyName', '/v1/carriers?sort=name']) {
      const seen: number[] = []
      let page = await stage.admin.ask(`GET ${path}&limit=3`)
      for (;;) {
        seen.push(...page.body.data.map(({ id }) => id))
        if (!page.body.page.hasMore) break
        page = await stage.admin.ask(`GET ${path}&limit=3&cursor=${page.body.page.nextCursor}`)
      }
      const all = await stage.admin.ask(`GET ${path}&limit=200`)
      expect([path, seen]).toEqual([path, all.body.data.map(({ id }) => id)])
    }
  })

  it('lists are filtered by what they hold', async () => {
    const names = async (path: string, member: string) => (await stage.admin.ask(`GET ${path}`)).body.data.map((row) => row[member])

    expect(await names('/v1/users?status=suspended', 'firstName')).toEqual(['flash'])
    expect(await names('/v1/users?userType=carrier&sort=email', 'firstName')).toEqual(['carl', 'paula', 'quinn', 'rita'])
    expect(await names('/v1/customers?q=ac', 'companyName')).toEqual(['Acme Tools'])
    expect(await names('/v1/customers?portalUserActive=false&sort=id', 'status')).toEqual(['pending', 'pending'])
    expect(await names('/v1/carriers?mode=parcel', 'code')).toEqual(['fast'])
    expect(await names('/v1/carriers?status=draft,retired&sort=name', 'code')).toEqual(['ritas', 'slow'])
  })

  it('a request id that is sent comes back, in the answer and in the problem', async () => {
    const headers = { 'x-request-id': 'a-story-of-one-request' }
    for (const path of lists) {
      const { headers: answered, body } = await stage.admin.ask(`GET ${path}/2147483647`, { headers })
      expect([answered['x-request-id'], body.requestId]).toEqual(['a-story-of-one-request', 'a-story-of-one-request'])
    }
  })

  it('a problem says where it is explained', async () => {
    const { body } = await stage.admin.ask('GET /v1/quotes/2147483647')
    const page = await stage.nobody.ask(`GET ${String(body.type).replace('http://bulkhead.test', '')}`)

    expect(body.type).toBe('http://bulkhead.test/problems/quote-not-found')
    expect([page.status, page.text.includes('QUOTE_NOT_FOUND')]).toEqual([200, true])
  })

  it('the document describes the whole system, at every process', async () => {
    const { status, body } = await stage.nobody.ask<{ paths: object }>('GET /openapi.json')

    expect(status).toBe(200)
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/v1/auth/login', ...lists, '/v1/events']))
  })

  it('what can be permitted is told with every address that asks for it', async () => {
    const { body } = await stage.admin.ask<{ data: { permission: string; routes: string[] }[] }>('GET /v1/permissions')
    const routesOf = (wanted: string) => body.data.find(({ permission }) => permission === wanted)?.routes

    expect(routesOf('user:read')).toEqual(['GET /v1/users', 'GET /v1/users/{id}', 'GET /v1/users/{id}/roles'])
    expect(routesOf('quote:create')).toEqual(['POST /v1/quotes', 'POST /v1/rates'])
    expect(routesOf('carrier:transfer')).toEqual(['POST /v1/carriers/{id}/transfer-owner'])
  })
}
