import { defineError } from '#platform/errors.ts'
import type { HttpNeeds } from '#platform/http.ts'
import type { Log, RequestLine } from '#platform/logging.ts'
import { createMetrics } from '#platform/metrics.ts'
import { type Principal, permissionMap } from '#platform/principal.ts'
import type { SecurityPort } from '#platform/security.ts'

/** A surface without auth: the token is the caller's number and permissions, `Bearer 7 customer:read:own`. */

const TestTokenInvalid = defineError({ code: 'TEST_TOKEN_INVALID', status: 401, sentence: 'The token is not valid. Use another.' })

export const bearer = (userId: number, ...permissions: string[]): string => `Bearer ${[userId, ...permissions].join(' ')}`

export function principalOf(userId: number, ...permissions: string[]): Principal {
  return { kind: 'user', userId, roles: [], can: permissionMap(permissions) }
}

export const testSecurity: SecurityPort = {
  authenticate: ({ authorization }) => {
    const [scheme, id, ...permissions] = (authorization ?? '').split(' ')
    if (scheme === 'ApiKey') return { kind: 'api_key', apiKeyId: Number(id), userId: 1, roles: [], can: permissionMap(permissions) }
    if (scheme !== 'Bearer' || !/^\d+$/.test(id ?? '')) throw TestTokenInvalid()
    return principalOf(Number(id), ...permissions)
  },
}

export interface LoggedLine {
  level: string
  fields: Record<string, unknown>
  message: string
}

export function memoryLog(): Log & { lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  const log = {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    request: (line: RequestLine) => at('info')(line, 'request'),
    child: () => log,
    flush: () => {},
  }
  return log
}

export const httpNeeds = (over: Partial<HttpNeeds> = {}): HttpNeeds => ({
  config: { env: 'test', publicUrl: 'http://127.0.0.1:3000', corsOrigins: [], trustProxy: [] },
  log: memoryLog(),
  metrics: createMetrics({ process: false }),
  security: testSecurity,
  ...over,
})
