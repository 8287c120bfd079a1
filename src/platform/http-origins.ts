import type { FastifyReply, FastifyRequest } from 'fastify'

/** Which pages of other origins may call from a browser: those on the list, none by default. */
export interface OriginRules {
  write(request: FastifyRequest, reply: FastifyReply): void
  writePreflight(request: FastifyRequest, reply: FastifyReply, allow: string): void
}

const readable = 'ETag, Location, Retry-After, X-Request-Id, RateLimit, RateLimit-Policy, Idempotent-Replayed'
const sendable = 'Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, traceparent'

export function originRules(origins: readonly string[]): OriginRules {
  const allowed = new Set(origins)
  const isAllowed = (origin: string | undefined): origin is string => origin !== undefined && allowed.has(origin)
  return {
    write: (request, reply) => {
      if (allowed.size === 0) return
      reply.header('vary', 'Origin')
      const { origin } = request.headers
      if (!isAllowed(origin)) return
      reply.header('access-control-allow-origin', origin)
      reply.header('access-control-allow-credentials', 'true')
      reply.header('access-control-expose-headers', readable)
    },
    writePreflight: (request, reply, allow) => {
      if (!isAllowed(request.headers.origin) || request.headers['access-control-request-method'] === undefined) return
      reply.header('access-control-allow-methods', allow)
      reply.header('access-control-allow-headers', sendable)
      reply.header('access-control-max-age', '600')
    },
  }
}
