import { Validator } from '@seriousme/openapi-schema-validator'
import { chromium } from 'playwright-core'
import Type from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { httpNeeds } from '#support/http.ts'
import { findBrowser } from '../../scripts/servers/binaries.ts'
import { documentRoutes } from './document-routes.ts'
import { createHealth } from './health.ts'
import { healthRoutes } from './health-routes.ts'
import { answers, created, createHttp, type Http, IdParams, idPath } from './http.ts'
import { FieldImmutable } from './http-errors.ts'
import { listQuery } from './lists.ts'
import { Id, Money, Page } from './schemas.ts'
import { validatorOf } from './validation.ts'

const Thing = Type.Object({ id: Id, price: Money, version: Type.Integer() }, { additionalProperties: false, $id: 'Thing' })
const NewThing = Type.Object({ price: Money }, { additionalProperties: false })

let http: Http
let base: string
const isComponentName = (name: string) => /^[A-Z][A-Za-z0-9]*$/.test(name)

beforeAll(async () => {
  const needs = httpNeeds()
  http = createHttp(needs)
  const health = createHealth({ log: needs.log, modules: [] })
  await http.app.register(healthRoutes(health))
  await http.app.register(documentRoutes({ routes: http.routes, publicUrl: needs.config.publicUrl, version: '1.2.3', public: true }))
  await http.app.register(async (app) => {
    app.get(
      idPath('/v1/things/:id'),
      {
        schema: { operationId: 'getThing', summary: 'Read', tags: ['thing'], params: IdParams, response: answers({ 200: Thing }) },
        config: { access: { permission: 'thing:read' }, errors: [FieldImmutable] },
      },
      async () => ({}),
    )
    app.get(
      '/v1/things',
      {
        schema: {
          operationId: 'listThings',
          summary: 'List',
          tags: ['thing'],
          querystring: listQuery({ sorts: ['createdAt'], filters: {} }),
          response: answers({ 200: Page(Thing) }),
        },
        config: { access: 'authenticated' },
      },
      async () => ({}),
    )
    app.post(
      '/v1/things',
      {
        schema: { operationId: 'createThing', summary: 'Create', tags: ['thing'], body: NewThing, response: answers({ 201: Thing }) },
        config: {
          access: { permission: 'thing:create' },
          answer: created<{ id: number }>(({ id }) => `/v1/things/${id}`),
          database: 'customer_service_db',
        },
        bodyLimit: 1_000,
      },
      async () => ({}),
    )
  })
  base = await http.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => http.app.close())

interface Operation {
  operationId: string
  responses: Record<string, { 'x-codes'?: string[]; content?: Record<string, { example?: unknown; examples?: object }> }>
  requestBody?: { content: Record<string, { example: unknown }> }
  parameters: { name: string; in: string; required: boolean }[]
  [name: string]: unknown
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown> }
}
const read = async (): Promise<Document> => (await http.app.inject('/openapi.json')).json()

describe('the API document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const outcome = await new Validator().validate({ ...(await read()) })

    expect(outcome.errors).toBeUndefined()
    expect(outcome.valid).toBe(true)
  })

  it('holds every route and no other', async () => {
    const { paths } = await read()

    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(documented.sort()).toEqual(http.routes.map(({ method, path }) => `${method} ${path}`).sort())
    expect(documented).toContain('GET /v1/things/{id}')
  })

  it('lists every error code of an operation under its status', async () => {
    const { paths } = await read()

    const responses = paths['/v1/things/{id}']?.get?.responses
    expect(responses?.['422']?.['x-codes']).toEqual(['FIELD_IMMUTABLE'])
    expect(responses?.['401']?.['x-codes']).toContain('UNAUTHENTICATED')
    expect(responses?.['403']?.['x-codes']).toEqual(['FORBIDDEN'])
    expect(responses?.['404']?.['x-codes']).toEqual(['ROUTE_NOT_FOUND'])
  })

  it('says who may call, whether a key can be sent, and which headers belong to it', async () => {
    const { paths } = await read()

    const create = paths['/v1/things']?.post
    expect(create).toMatchObject({
      'x-permission': 'thing:create',
      'x-idempotency': 'optional',
      security: [{ accessToken: [] }],
      'x-body-limit': 1_000,
    })
    expect(create?.parameters.map(({ name }) => name)).toContain('Idempotency-Key')
    expect(paths['/health/live']?.get?.security).toEqual([])
  })

  it('gives examples that fit', async () => {
    const { paths } = await read()

    expect(validatorOf(NewThing)(paths['/v1/things']?.post?.requestBody?.content['application/json']?.example)).toBe(true)
    expect(validatorOf(Thing)(paths['/v1/things']?.post?.responses['201']?.content?.['application/json']?.example)).toBe(true)
    expect(validatorOf(Page(Thing))(paths['/v1/things']?.get?.responses['200']?.content?.['application/json']?.example)).toBe(true)
  })

  it('shares what has a name', async () => {
    const { components } = await read()

    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(['Money', 'Problem', 'Thing']))
    expect(Object.keys(components.schemas).every(isComponentName)).toBe(true)
  })

  it('answers 304 to who has it', async () => {
    const first = await http.app.inject('/openapi.json')
    const second = await http.app.inject({ url: '/openapi.json', headers: { 'if-none-match': String(first.headers.etag) } })

    expect([second.statusCode, second.body]).toEqual([304, ''])
  })
})

describe('the pages of problems', () => {
  it('explain a code to programs and to people', async () => {
    const [json, page] = await Promise.all([
      http.app.inject('/problems/field-immutable'),
      http.app.inject({ url: '/problems/field-immutable', headers: { accept: 'text/html' } }),
    ])

    expect(json.json()).toMatchObject({ code: 'FIELD_IMMUTABLE', status: 422, type: 'http://127.0.0.1:3000/problems/field-immutable' })
    expect(page.headers['content-type']).toContain('text/html')
    expect(page.body).toContain('FIELD_IMMUTABLE')
  })

  it('list every declared code', async () => {
    const list = (await http.app.inject('/problems')).json()

    expect(list.data.map(({ code }: { code: string }) => code)).toEqual(
      expect.arrayContaining(['VALIDATION_FAILED', 'INTERNAL', 'OVERLOADED']),
    )
  })

  it('know no other code', async () => {
    expect((await http.app.inject('/problems/no-such-code')).statusCode).toBe(404)
  })
})

describe('the API reference', () => {
  it('shows the operations in a browser and asks nobody else for anything', async () => {
    const browser = await chromium.launch({ executablePath: findBrowser() ?? 'chromium', args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      const foreign: string[] = []
      const blocked: string[] = []
      page.on('request', (request) => {
        const url = request.url()
        if (!url.startsWith(base) && !url.startsWith('data:') && !url.startsWith('blob:')) foreign.push(url)
      })
      page.on('console', (message) => {
        if (/content security policy/i.test(message.text())) blocked.push(message.text())
      })

      await page.goto(`${base}/docs`)
      await page.getByText('getThing').or(page.getByText('/v1/things/{id}')).first().waitFor({ timeout: 20_000 })

      expect(foreign).toEqual([])
      expect(blocked).toEqual([])
    } finally {
      await browser.close()
    }
  }, 60_000)
})
