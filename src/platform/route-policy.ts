import type { FastifyInstance, RouteOptions } from 'fastify'
import { documentPath } from './answers.ts'

/**
 * Deny by default: a route says who may call it, what it takes and what it answers, or the process does not start. Every gap of
 * every route is collected, and the boot fails with one message that lists them all.
 */

export interface DeclaredRoute {
  readonly method: string
  /** As the router knows it. */
  readonly url: string
  /** As documents and metrics write it. */
  readonly path: string
  readonly options: Declaration
}

/** What a route says of itself, without what it does: it may be kept where the route is not served. */
export interface Declaration {
  readonly schema: RouteOptions['schema'] | undefined
  readonly config: RouteOptions['config'] | undefined
  readonly bodyLimit: number | undefined
}

export interface RoutePolicy {
  readonly routes: readonly DeclaredRoute[]
  /** Throws with every gap. */
  seal(): void
}

export class RoutePolicyError extends Error {
  readonly gaps: readonly string[]
  constructor(gaps: readonly string[]) {
    super(
      `The routes are not complete:\n${gaps.map((gap) => `  - ${gap}`).join('\n')}\nDeclare what is missing where the route is defined.`,
    )
    this.name = 'RoutePolicyError'
    this.gaps = gaps
  }
}

const writing = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** Watches every route from now on; must come before the first of them. */
export function watchRoutes(app: FastifyInstance): RoutePolicy {
  const routes: DeclaredRoute[] = []
  const gaps: string[] = []
  const operations = new Map<string, string>()
  app.addHook('onRoute', (options) => {
    const methods = [options.method].flat()
    // The HEAD twin of a GET is its GET.
    if (methods.length === 1 && methods[0] === 'HEAD') return
    const { url, schema, config, bodyLimit } = options
    for (const method of methods) {
      const route = { method, url, path: documentPath(url), options: { schema, config, bodyLimit } }
      routes.push(route)
      for (const gap of gapsOf(route, operations)) gaps.push(`${method} ${route.path}: ${gap}`)
    }
  })
  return {
    routes,
    seal: () => {
      if (gaps.length > 0) throw new RoutePolicyError(gaps)
    },
  }
}

function gapsOf({ method, url, path, options }: DeclaredRoute, operations: Map<string, string>): string[] {
  const gaps: string[] = []
  const { config, schema } = options
  if (config?.access === undefined) gaps.push("no access: say config.access ('public', 'authenticated', { permission } or { anyOf })")

  const response = responsesOf(schema?.response)
  if (!Object.keys(response).some((status) => /^2\d\d$/.test(status)))
    gaps.push('no response schema for its success: use answers({ 200: … })')
  if (response['4xx'] === undefined) gaps.push('no response schema for 4xx: use answers({ … })')
  if (response['5xx'] === undefined) gaps.push('no response schema for 5xx: use answers({ … })')
  if (schema?.body !== undefined && options.bodyLimit === undefined) gaps.push('a body without a limit: say bodyLimit')
  if (schema?.summary === undefined) gaps.push('no summary')
  if (schema?.tags === undefined || schema.tags.length === 0) gaps.push('no tags: name the module')
  if (/:[A-Za-z]/.test(url) && schema?.params === undefined) gaps.push('path parameters without a schema: say params')

  const operationId = schema?.operationId
  if (operationId === undefined) gaps.push('no operationId')
  else if (!/^[a-z][A-Za-z0-9]*$/.test(operationId)) gaps.push(`operationId ${operationId} is not camelCase`)
  else if (operations.has(operationId)) gaps.push(`operationId ${operationId} is taken by ${operations.get(operationId)}`)
  else operations.set(operationId, `${method} ${path}`)

  if (config?.idempotency === 'required' && config.database === undefined)
    gaps.push('an Idempotency-Key is required but no database keeps it: say config.database')
  if (config?.versioned !== undefined && !writing.has(method)) gaps.push('versioned is for routes that write')
  return gaps
}

/** The response schemas by status; what is not an object of schemas has none. */
export function responsesOf(response: unknown): Readonly<Record<string, unknown>> {
  return typeof response === 'object' && response !== null ? { ...response } : {}
}

/** Every permission the routes ask for, with the routes that ask for it, in alphabetical order. */
export function permissionUses(routes: readonly DeclaredRoute[]): { permission: string; routes: string[] }[] {
  const uses = new Map<string, string[]>()
  for (const { method, path, options } of routes) {
    const access = options.config?.access
    if (typeof access !== 'object') continue
    for (const permission of 'permission' in access ? [access.permission] : access.anyOf) {
      uses.set(permission, [...(uses.get(permission) ?? []), `${method} ${path}`])
    }
  }
  return [...uses]
    .map(([permission, asked]) => ({ permission, routes: asked.sort() }))
    .sort((a, b) => (a.permission < b.permission ? -1 : 1))
}
