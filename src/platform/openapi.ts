import type { Access } from './answers.ts'
import { AppError, type ErrorDeclaration } from './errors.ts'
import { isSchema } from './http-validation.ts'
import { errorsOf } from './openapi-errors.ts'
import { Problem, problemMediaType, problemOf } from './problems.ts'
import { type DeclaredRoute, responsesOf } from './route-policy.ts'
import { exampleOf } from './schema-examples.ts'

/** The API as OpenAPI 3.1, made from the same declarations that validate, serialise and refuse: it cannot say something else. */

type Json = Record<string, unknown>

export interface DocumentOptions {
  routes: readonly DeclaredRoute[]
  publicUrl: string
  version: string
}

const jsonType = 'application/json'
const mergePatchType = 'application/merge-patch+json'

export type ApiDocument = Json & { openapi: string }

export function openApiDocument({ routes, publicUrl, version }: DocumentOptions): ApiDocument {
  const schemas = new Map<string, unknown>()
  const paths: Record<string, Json> = {}
  const sorted = [...routes].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  const tags = new Set<string>()
  for (const route of sorted) {
    for (const tag of route.options.schema?.tags ?? []) tags.add(tag)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route, schemas, publicUrl) }
  }
  referenced(Problem, schemas)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Bulkhead',
      version,
      description:
        'Customers, carriers, tariffs and exact quotes. Every answer that is not a success is a problem (RFC 9457) whose code is explained under /problems.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    tags: [...tags].sort().map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Access token of POST /v1/auth/login, or an API key',
        },
      },
    },
  }
}

function operation(route: DeclaredRoute, schemas: Map<string, unknown>, publicUrl: string): Json {
  const { schema, config, bodyLimit } = route.options
  const access = config?.access ?? 'authenticated'
  const body = schema?.body
  return {
    operationId: schema?.operationId,
    summary: schema?.summary,
    ...(schema?.description === undefined ? {} : { description: schema.description }),
    tags: schema?.tags,
    security: access === 'public' ? [] : [{ accessToken: [] }],
    'x-permission': permissionText(access),
    'x-idempotency': idempotencyOf(route),
    ...(bodyLimit === undefined ? {} : { 'x-body-limit': bodyLimit }),
    parameters: [...pathParameters(schema?.params, schemas), ...queryParameters(schema?.querystring, schemas), ...headerParameters(route)],
    ...(body === undefined ? {} : { requestBody: requestBody(route, body, schemas) }),
    responses: { ...successes(route, schemas), ...failures(route, publicUrl) },
  }
}

const permissionText = (access: Access): string =>
  typeof access === 'string' ? access : 'permission' in access ? access.permission : access.anyOf.join(' | ')

function idempotencyOf({ method, url, options: { config } }: DeclaredRoute): 'none' | 'optional' | 'required' {
  if (method !== 'POST' || config?.database === undefined || url.startsWith('/v1/auth')) return 'none'
  return config.idempotency ?? 'optional'
}

function pathParameters(params: unknown, schemas: Map<string, unknown>): Json[] {
  return properties(params).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: referenced(schema, schemas),
    example: exampleOf(schema, name),
  }))
}

function queryParameters(query: unknown, schemas: Map<string, unknown>): Json[] {
  const required = isSchema(query) && 'required' in query && Array.isArray(query.required) ? query.required : []
  return properties(query).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: referenced(schema, schemas),
    ...(isSchema(schema) && 'description' in schema ? { description: schema.description } : {}),
  }))
}

function headerParameters(route: DeclaredRoute): Json[] {
  const { versioned } = route.options.config ?? {}
  const idempotency = idempotencyOf(route)
  const headers: Json[] = []
  if (versioned !== undefined) {
    headers.push({
      name: 'If-Match',
      in: 'header',
      required: versioned === 'required',
      description: 'ETag the resource was read with',
      schema: { type: 'string', pattern: '^"v[1-9][0-9]{0,9}"$' },
      example: '"v1"',
    })
  }
  if (idempotency !== 'none') {
    headers.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: idempotency === 'required',
      description: 'A key of your own: a repeat with the same key has no second effect and gets the first answer, for 24 hours',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
      example: '019a6c9e-7d2c-7c3e-9d43-2b5f0c1a7e10',
    })
  }
  return headers
}

function requestBody(route: DeclaredRoute, body: unknown, schemas: Map<string, unknown>): Json {
  const media = { schema: referenced(body, schemas), example: exampleOf(body, route.path) }
  return { required: true, content: { [jsonType]: media, ...(route.method === 'PATCH' ? { [mergePatchType]: media } : {}) } }
}

function successes(route: DeclaredRoute, schemas: Map<string, unknown>): Json {
  const { schema, config } = route.options
  const found = Object.entries(responsesOf(schema?.response)).filter(([status]) => /^2\d\d$/.test(status))
  return Object.fromEntries(found.map(([status, response]) => [status, success(status, response)]))

  function success(status: string, response: unknown): Json {
    const headers: Json = { 'X-Request-Id': { schema: { type: 'string' } } }
    if (config?.answer?.status === Number(status))
      headers.Location = { schema: { type: 'string' }, description: 'Address of what was made' }
    if (properties(response).some(([name]) => name === 'version'))
      headers.ETag = { schema: { type: 'string' }, description: 'Version of the resource' }
    if (idempotencyOf(route) !== 'none')
      headers['Idempotent-Replayed'] = {
        schema: { type: 'string', const: 'true' },
        description: 'Sent when this is the answer of an earlier request',
      }
    const description =
      isSchema(response) && 'description' in response && typeof response.description === 'string'
        ? response.description
        : (schema?.summary ?? 'Success')
    if (status === '204') return { description, headers }
    const media = { schema: referenced(response, schemas), example: exampleOf(response, route.path) }
    return { description, headers, content: { [config?.produces ?? jsonType]: media } }
  }
}

function failures(route: DeclaredRoute, publicUrl: string): Json {
  const byStatus = new Map<number, ErrorDeclaration[]>()
  for (const declared of errorsOf(route)) byStatus.set(declared.status, [...(byStatus.get(declared.status) ?? []), declared])
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b).map(([status, declared]) => [String(status), failure(declared, publicUrl)]),
  )
}

function failure(declared: readonly ErrorDeclaration[], publicUrl: string): Json {
  const request = { publicUrl, instance: '/', requestId: '019a6c9e-7d2c-7c3e-9d43-2b5f0c1a7e10' }
  const examples = Object.fromEntries(
    declared.map((declaration) => [declaration.code, { value: problemOf(new AppError(declaration, declaration.sentence, {}), request) }]),
  )
  return {
    description: declared.map(({ code, sentence }) => `\`${code}\`: ${sentence}`).join('\n\n'),
    'x-codes': declared.map(({ code }) => code),
    content: { [problemMediaType.split(';', 1)[0] ?? '']: { schema: { $ref: '#/components/schemas/Problem' }, examples } },
  }
}

function properties(schema: unknown): [string, unknown][] {
  return isSchema(schema) && 'properties' in schema && isSchema(schema.properties) ? Object.entries(schema.properties) : []
}

/** Every schema with an `$id` becomes a component, and what held it a reference. */
function referenced(node: unknown, schemas: Map<string, unknown>): unknown {
  if (Array.isArray(node)) return node.map((item) => referenced(item, schemas))
  if (typeof node !== 'object' || node === null) return node
  const { $id: name, ...rest }: Json = { ...node }
  const plain = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, referenced(value, schemas)]))
  if (typeof name !== 'string') return plain
  schemas.set(name, plain)
  return { $ref: `#/components/schemas/${name}` }
}
