import type { RouteOptions } from 'fastify'
import Type from 'typebox'
import { describe, expect, it } from 'vitest'
import { httpNeeds } from '#support/http.ts'
import { answers, createHttp, IdParams, idPath } from './http.ts'
import { RoutePolicyError } from './route-policy.ts'

const complete = (): RouteOptions => ({
  method: 'POST',
  url: idPath('/v1/things/:id/suspend'),
  schema: {
    operationId: 'suspendThing',
    summary: 'Suspend',
    tags: ['thing'],
    params: IdParams,
    body: Type.Object({}, { additionalProperties: false }),
    response: answers({ 200: Type.Object({}) }),
  },
  config: { access: 'public' },
  bodyLimit: 1_000,
  handler: async () => ({}),
})

async function boot(...routes: RouteOptions[]): Promise<readonly string[]> {
  const { app } = createHttp(httpNeeds())
  for (const route of routes) app.route(route)
  try {
    await app.ready()
    return []
  } catch (error) {
    if (error instanceof RoutePolicyError) return error.gaps
    throw error
  } finally {
    await app.close()
  }
}

/** The complete route without one member of its schema. */
function without(member: string): RouteOptions {
  const route = complete()
  return { ...route, schema: Object.fromEntries(Object.entries(route.schema ?? {}).filter(([name]) => name !== member)) }
}

function withResponses(change: (responses: Record<string, unknown>) => Record<string, unknown>): RouteOptions {
  const route = complete()
  return { ...route, schema: { ...route.schema, response: change({ ...answers({ 200: Type.Object({}) }) }) } }
}

const dropping = (status: string) =>
  withResponses((responses) => Object.fromEntries(Object.entries(responses).filter(([name]) => name !== status)))

describe('a process starts only with complete routes', () => {
  it('and does start with them', async () => {
    expect(await boot(complete())).toEqual([])
  })

  const { config: _config, ...noConfig } = complete()
  const { bodyLimit: _bodyLimit, ...noLimit } = complete()
  it.each<[string, RouteOptions, RegExp]>([
    ['who may call', noConfig, /no access/],
    ['a limit for its body', noLimit, /body without a limit/],
    ['an answer for its success', dropping('200'), /no response schema for its success/],
    ['an answer for refusals', dropping('4xx'), /no response schema for 4xx/],
    ['an answer for failures', dropping('5xx'), /no response schema for 5xx/],
    ['an operationId', without('operationId'), /no operationId/],
    ['a summary', without('summary'), /no summary/],
    ['a tag', without('tags'), /no tags/],
    ['a schema for its path', without('params'), /path parameters without a schema/],
    [
      'a database for the key it requires',
      { ...complete(), config: { access: 'public', idempotency: 'required' } },
      /no database keeps it/,
    ],
  ])('a route without %s is refused', async (_missing, route, gap) => {
    const gaps = await boot(route)

    expect(gaps).toHaveLength(1)
    expect(gaps[0]).toMatch(/^POST \/v1\/things\/\{id\}\/suspend: /)
    expect(gaps[0]).toMatch(gap)
  })

  it('an operationId is used once', async () => {
    expect(await boot(complete(), { ...complete(), url: '/v1/other', schema: without('params').schema ?? {} })).toEqual([
      'POST /v1/other: operationId suspendThing is taken by POST /v1/things/{id}/suspend',
    ])
  })

  it('one message lists the gaps of all routes', async () => {
    const gaps = await boot(without('summary'), {
      ...without('tags'),
      url: idPath('/v1/others/:id'),
      schema: { ...without('tags').schema, operationId: 'other' },
    })

    expect(gaps).toEqual(['POST /v1/things/{id}/suspend: no summary', 'POST /v1/others/{id}: no tags: name the module'])
  })
})

it('the routes the policy has seen are the routes that exist', async () => {
  const { app, routes } = createHttp(httpNeeds())
  app.route(complete())
  app.get(
    '/v1/things',
    {
      schema: { operationId: 'listThings', summary: 'List', tags: ['thing'], response: answers({ 200: Type.Object({}) }) },
      config: { access: 'public' },
    },
    async () => ({}),
  )
  await app.ready()

  const existing =
    app
      .printRoutes({ commonPrefix: false })
      .match(/\((?:GET|POST|PUT|PATCH|DELETE|HEAD|, )+\)/g)
      ?.flatMap((methods) => methods.slice(1, -1).split(', ')) ?? []
  expect(existing.filter((method) => method !== 'HEAD').sort()).toEqual(routes.map(({ method }) => method).sort())
  await app.close()
})
