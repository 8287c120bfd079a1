import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonSchema } from '#support/api-document.ts'
import { type Attack, laySiege, type Siege, valid } from '#support/siege.ts'
import { addressOf, json } from '#support/surface.ts'

/**
 * The surface, attacked from outside with what requests hold. Every attack goes over every operation of the API document, so
 * that a route made tomorrow is attacked by what is written here today.
 */

let siege: Siege
beforeAll(async () => {
  siege = await laySiege()
})
afterAll(() => siege?.end())

const withBody = () => siege.document.operations.filter(({ body }) => body !== undefined)
const writing = () => siege.document.operations.filter(({ method }) => method !== 'GET')
const jsonText = (body: string | Buffer): Attack => ({ body, headers: { 'content-type': 'application/json' } })

describe('a body', () => {
  it.each([
    ['half an object', '{"a":'],
    ['two values', '{} {}'],
    ['a word', 'undefined'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['raw bytes', Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
  ])('that is no JSON is refused everywhere: %s', async (_what, body) => {
    const { sent, wrong } = await siege.attack(writing(), () => [jsonText(body)], { status: 400, code: 'MALFORMED_JSON' })

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(40)
  })

  it.each([
    ['a text', '"text"'],
    ['a list', '[]'],
    ['a number', '42'],
    ['true', 'true'],
  ])('of the wrong type is refused everywhere: %s', async (_what, body) => {
    const { wrong } = await siege.attack(writing(), () => [jsonText(body)], { status: 400, code: 'VALIDATION_FAILED' })

    expect(wrong).toEqual([])
  })

  it('with a member nobody declared is refused everywhere, at every level', async () => {
    const { sent, wrong } = await siege.attack(
      withBody(),
      ({ body, example }) => (body === undefined ? [] : strangers(body, example).map((value) => ({ ...json(value) }))),
      {
        status: 400,
        code: 'VALIDATION_FAILED',
        also: ({ body }) =>
          JSON.stringify(body?.errors).includes('stranger') ? undefined : `does not name the member: ${JSON.stringify(body?.errors)}`,
      },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(withBody().length)
  })

  it.each(['__proto__', 'constructor', 'prototype'])('with a member named %s is refused everywhere', async (name) => {
    const { wrong } = await siege.attack(
      withBody(),
      ({ example }) => [jsonText(`{${JSON.stringify(name)}:{"isAdmin":true},${JSON.stringify(example ?? {}).slice(1)}`.replace(',}', '}'))],
      { status: 400, code: 'VALIDATION_FAILED' },
    )

    expect(wrong).toEqual([])
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
  })

  it('nested too deep is refused everywhere', async () => {
    const deep = `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`

    const { wrong } = await siege.attack(withBody(), () => [jsonText(deep)], { status: 400, code: 'VALIDATION_FAILED' })

    expect(wrong).toEqual([])
  })

  it('one byte above the limit is refused everywhere, whether its length is said or not', async () => {
    const { wrong } = await siege.attack(
      withBody(),
      ({ bodyLimit = 0 }) => {
        const tooMuch = JSON.stringify('a'.repeat(bodyLimit - 1))
        return [jsonText(tooMuch), { ...jsonText(''), body: Readable.from([tooMuch]) }]
      },
      {
        status: 413,
        code: 'BODY_TOO_LARGE',
      },
    )

    expect(wrong).toEqual([])
  })

  it('in another media type is refused everywhere', async () => {
    const types = [
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      'x',
    ]

    const { wrong } = await siege.attack(writing(), () => types.map((type) => ({ body: '{}', headers: { 'content-type': type } })), {
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    })

    expect(wrong).toEqual([])
  })

  it('sent to an operation that takes none is refused', async () => {
    const bare = writing().filter(({ body }) => body === undefined)

    const { sent, wrong } = await siege.attack(bare, () => [json({ reason: 'x' })], { status: 400, code: 'VALIDATION_FAILED' })

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(0)
  })
})

describe('a query', () => {
  it('with a parameter nobody declared is refused everywhere', async () => {
    const names = ['stranger=1', 'id=1', '__proto__=1', 'constructor=1', 'limit[]=1', '=1']

    const { wrong } = await siege.attack(
      siege.document.operations,
      (operation) => names.map((query) => ({ path: `${addressOf(operation)}?${query}`, ...valid(operation) })),
      {
        status: 400,
        code: 'VALIDATION_FAILED',
      },
    )

    expect(wrong).toEqual([])
  })

  it('with a parameter twice is refused everywhere', async () => {
    const { sent, wrong } = await siege.attack(
      siege.document.operations,
      (operation) =>
        operation.query.map(({ name, schema }) => {
          const value = encodeURIComponent(String(schemaExample(schema)))
          return { path: `${addressOf(operation)}?${encodeURIComponent(name)}=${value}&${encodeURIComponent(name)}=${value}` }
        }),
      { status: 400, code: 'VALIDATION_FAILED' },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(60)
  })

  it('with a value of the wrong type is refused everywhere', async () => {
    const { wrong } = await siege.attack(
      siege.document.operations,
      (operation) =>
        operation.query
          .filter(({ schema }) => schema.type === 'integer' || schema.format !== undefined || schema.enum !== undefined)
          .flatMap(({ name }) =>
            ['', 'NaN', '1e1', '0x10', '+7', '07', '%207', '-1', 'null', '%00', '2147483648000000000000'].map((value) => ({
              path: `${addressOf(operation)}?${encodeURIComponent(name)}=${value}`,
            })),
          ),
      { status: 400, code: 'VALIDATION_FAILED' },
    )

    expect(wrong).toEqual([])
  })

  it('with a cursor of another making is refused by every list', async () => {
    const lists = siege.document.operations.filter(({ path, query }) => !path.includes('{') && query.some(({ name }) => name === 'cursor'))
    const cursors = [
      'x',
      'AAAA',
      Buffer.from('[]').toString('base64url'),
      Buffer.from('["x",null,1]').toString('base64url'),
      Buffer.from('{"__proto__":1}').toString('base64url'),
    ]

    const { sent, wrong } = await siege.attack(
      lists,
      (operation) => cursors.map((cursor) => ({ path: `${addressOf(operation)}?cursor=${cursor}` })),
      { status: 400, code: 'CURSOR_INVALID' },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(20)
  })
})

it('the document names every route that is served, and no other', () => {
  const served = siege.system.app.http.routes.map(({ method, path }) => `${method} ${path}`)

  expect(siege.document.operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort())
})

/** The example with a member nobody knows: once at the top, once in every object in it that is not free in its names. */
function strangers(schema: JsonSchema, example: unknown): unknown[] {
  const found: unknown[] = []
  const visit = (value: unknown, put: (changed: unknown) => unknown, at: string): void => {
    if (typeof value !== 'object' || value === null || at === '/metadata') return
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) visit(item, (changed) => put(value.with(index, changed)), `${at}/${index}`)
      return
    }
    found.push(put({ ...value, stranger: 1 }))
    for (const [name, member] of Object.entries(value)) visit(member, (changed) => put({ ...value, [name]: changed }), `${at}/${name}`)
  }
  visit(example ?? (schema.type === 'object' ? {} : null), (changed) => changed, '')
  return found
}

function schemaExample(schema: JsonSchema): unknown {
  const [example] = Array.isArray(schema.examples) ? schema.examples : []
  const [first] = Array.isArray(schema.enum) ? schema.enum : []
  return example ?? first ?? schema.default ?? (schema.type === 'integer' ? 1 : 'a')
}
