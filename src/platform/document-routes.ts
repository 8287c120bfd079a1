import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { answers, type ModuleRoutes } from './answers.ts'
import { declaredErrors, type ErrorDeclaration } from './errors.ts'
import { RouteNotFound } from './http-errors.ts'
import { type ApiDocument, openApiDocument } from './openapi.ts'
import { codeOfSlug, problemSlug, problemTitle } from './problems.ts'
import { pageHeaders, referencePage, referenceScript } from './reference-page.ts'
import type { DeclaredRoute } from './route-policy.ts'

/** The API document, the reference made of it, and a page for every error code. Nothing on them is loaded from elsewhere. */
export interface DocumentNeeds {
  /** Read when the document is first asked for, so that it holds every route. */
  routes: readonly DeclaredRoute[]
  publicUrl: string
  version: string
  /** False: for those who hold ops:read. */
  public: boolean
}

const ProblemType = Type.Object(
  {
    code: Type.String({ examples: ['VALIDATION_FAILED'] }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    sentence: Type.String(),
    reason: Type.Optional(Type.String()),
    remedy: Type.Optional(Type.String()),
    retryable: Type.Boolean(),
    type: Type.String({ format: 'uri' }),
  },
  { additionalProperties: false, $id: 'ProblemType' },
)

const tags = ['platform']
const html = 'text/html; charset=utf-8'

export const documentRoutes =
  ({ routes, publicUrl, version, public: isPublic }: DocumentNeeds): ModuleRoutes =>
  async (app) => {
    const access = isPublic ? 'public' : ({ permission: 'ops:read' } as const)
    let document: { content: ApiDocument; etag: string } | undefined
    const documented = () => {
      if (!document) {
        const content = openApiDocument({ routes, publicUrl, version })
        document = { content, etag: `"${createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 22)}"` }
      }
      return document
    }

    app.get(
      '/openapi.json',
      {
        schema: {
          operationId: 'getApiDocument',
          summary: 'This API as OpenAPI 3.1',
          tags,
          response: answers({ 200: Type.Object({ openapi: Type.String({ examples: ['3.1.0'] }) }, { additionalProperties: true }) }),
        },
        config: { access },
      },
      async (_request, reply) => {
        const { content, etag } = documented()
        reply.header('etag', etag).header('cache-control', 'no-cache')
        return content
      },
    )

    app.get(
      '/docs',
      {
        schema: {
          operationId: 'getReference',
          summary: 'The API reference to read and try',
          tags,
          response: answers({ 200: Type.String() }),
        },
        config: { access, produces: html },
      },
      async (_request, reply) => {
        reply.headers(pageHeaders)
        return referencePage
      },
    )

    app.get(
      '/docs/reference.js',
      {
        schema: {
          operationId: 'getReferenceScript',
          summary: 'The script of the API reference',
          tags,
          response: answers({ 200: Type.String() }),
        },
        config: { access, produces: 'text/javascript; charset=utf-8' },
      },
      async (_request, reply) => {
        reply.header('cache-control', 'public, max-age=3600')
        return referenceScript()
      },
    )

    app.get(
      '/problems',
      {
        schema: {
          operationId: 'listProblemTypes',
          summary: 'Every error code, with cause and remedy',
          tags,
          response: answers({ 200: Type.Object({ data: Type.Array(ProblemType) }, { additionalProperties: false }) }),
        },
        config: { access: 'public' },
      },
      async (request, reply) => {
        const all = [...declaredErrors().values()]
          .sort((a, b) => (a.code < b.code ? -1 : 1))
          .map((declared) => describe(declared, publicUrl))
        if (!wantsPage(request)) return { data: all }
        const rows = all.map(
          ({ code, status, sentence }) => `<li><a href="/problems/${problemSlug(code)}">${code}</a> (${status}): ${escaped(sentence)}</li>`,
        )
        return page(reply, 'Problems', `<ul>${rows.join('')}</ul>`)
      },
    )

    app.get(
      '/problems/:code',
      {
        schema: {
          operationId: 'getProblemType',
          summary: 'One error code, with cause and remedy',
          tags,
          params: Type.Object(
            { code: Type.String({ pattern: '^[a-z][a-z0-9-]{1,80}$', examples: ['validation-failed'] }) },
            { additionalProperties: false },
          ),
          response: answers({ 200: ProblemType }),
        },
        config: { access: 'public' },
      },
      async (request, reply) => {
        const declared = declaredErrors().get(codeOfSlug(request.params.code))
        if (!declared) throw RouteNotFound()
        const problem = describe(declared, publicUrl)
        if (!wantsPage(request)) return problem
        const parts = [problem.sentence, problem.reason, problem.remedy].filter((part) => part !== undefined)
        return page(reply, `${problem.code} (${problem.status})`, parts.map((part) => `<p>${escaped(part)}</p>`).join(''))
      },
    )
  }

function describe({ code, status, sentence, reason, remedy, retryable = false }: ErrorDeclaration, publicUrl: string) {
  return {
    code,
    title: problemTitle(code),
    status,
    sentence,
    ...(reason === undefined ? {} : { reason }),
    ...(remedy === undefined ? {} : { remedy }),
    retryable,
    type: `${publicUrl}/problems/${problemSlug(code)}`,
  }
}

const wantsPage = (request: FastifyRequest): boolean => request.headers.accept?.includes('text/html') ?? false

function page(reply: FastifyReply, title: string, body: string): FastifyReply {
  reply.headers(pageHeaders).header('content-type', html).header('vary', 'Accept')
  return reply.send(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title><h1>${escaped(title)}</h1>${body}</html>`,
  )
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
