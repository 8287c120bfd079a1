import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type AppError, isAppError } from './errors.ts'
import {
  BodyTooLarge,
  HeadersTooLarge,
  Internal,
  MalformedRequest,
  MalformedUrl,
  RequestTimeout,
  ShuttingDown,
  Unauthenticated,
  UnsupportedMediaType,
  VersionMismatch,
} from './http-errors.ts'
import type { Log } from './logging.ts'
import { etagOf } from './preconditions.ts'
import { problemMediaType, problemOf } from './problems.ts'
import { operationOf } from './request-life.ts'

/** Every failure on its way out: recognised, logged when it is ours, answered as a problem that tells nothing else. */

export interface Failures {
  /** For the error handler of the framework. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void
  /** For what is no HTTP: there is a socket and nothing else. */
  refuse(error: NodeJS.ErrnoException, socket: Socket): void
}

export interface FailureNeeds {
  publicUrl: string
  log: Log
  /** What every answer carries. */
  headers: Readonly<Record<string, string>>
}

export function createFailures({ publicUrl, log, headers }: FailureNeeds): Failures {
  return {
    answer: (thrown, request, reply) => {
      const error = visibleError(thrown, request)
      if (error.status >= 500) {
        const fields = {
          requestId: request.id,
          operation: operationOf(request),
          code: error.code,
          error: isAppError(thrown) ? (thrown.cause ?? thrown) : thrown,
        }
        if (error.status === 503) log.warn(fields, 'request could not be served')
        else log.error(fields, 'request failed')
      }
      const problem = problemOf(error, { publicUrl, instance: pathOf(request.raw.url), requestId: request.id })
      for (const [name, value] of Object.entries(headersOf(error))) reply.header(name, value)
      // No schema touches a problem: it is made here of declared parts only.
      reply.code(error.status).header('content-type', problemMediaType).serializer(asSent).send(JSON.stringify(problem))
    },
    refuse: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy()
        return
      }
      const known = clientError(error)
      const requestId = randomUUID()
      const body = JSON.stringify(problemOf(known, { publicUrl, instance: '/', requestId }))
      const lines = Object.entries({
        ...headers,
        'x-request-id': requestId,
        'content-type': problemMediaType,
        'content-length': String(Buffer.byteLength(body)),
        connection: 'close',
      }).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.end(`HTTP/1.1 ${known.status} ${STATUS_CODES[known.status]}\r\n${lines.join('')}\r\n${body}`)
    },
  }
}

const asSent = (payload: unknown): string => String(payload)

/** A failure of status 500 is shown only where the route declares it; anything unknown is INTERNAL. */
function visibleError(thrown: unknown, request: FastifyRequest): AppError {
  if (isAppError(thrown)) {
    if (thrown.status !== 500) return thrown
    const declared = request.routeOptions.config?.errors?.some(({ code }) => code === thrown.code)
    return declared ? thrown : Internal({}, { cause: thrown })
  }
  return frameworkError(thrown, request) ?? Internal({}, { cause: thrown })
}

function frameworkError(thrown: unknown, request: FastifyRequest): AppError | undefined {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? (thrown as FastifyError).code : undefined
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return BodyTooLarge({ limit: request.routeOptions.bodyLimit ?? 0 })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
      return UnsupportedMediaType()
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return MalformedRequest()
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_ASYNC_CONSTRAINT':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return MalformedUrl()
    case 'FST_ERR_REOPENED_CLOSE_SERVER':
      return ShuttingDown()
    default:
      return undefined
  }
}

function clientError({ code }: NodeJS.ErrnoException): AppError {
  if (code === 'HPE_HEADER_OVERFLOW') return HeadersTooLarge()
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return RequestTimeout()
  return MalformedRequest()
}

function headersOf(error: AppError): Record<string, string> {
  const headers: Record<string, string> = { ...error.headers }
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter)
  if (error.status === 401 && headers['www-authenticate'] === undefined) {
    headers['www-authenticate'] = error.code === Unauthenticated.code ? 'Bearer' : 'Bearer error="invalid_token"'
  }
  if (error.code === VersionMismatch.code && typeof error.details.current === 'number') headers.etag = etagOf(error.details.current)
  return headers
}

/** The path of a request without its query, which may hold anything. */
export function pathOf(url = '/'): string {
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  return path.length <= 500 ? path : path.slice(0, 500)
}
