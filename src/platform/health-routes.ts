import Type from 'typebox'
import { answers, type ModuleRoutes } from './answers.ts'
import { defineError } from './errors.ts'
import type { ComponentState, Health } from './health.ts'
import { RouteNotFound } from './http-errors.ts'
import { scopeOf } from './principal.ts'
import { Instant, Nullable, OneOf } from './schemas.ts'

export const NotReady = defineError<{ phase: string }>({
  code: 'NOT_READY',
  status: 503,
  sentence: 'This process is {phase} and takes no requests. Ask another one.',
  retryable: true,
  retryAfter: 1,
})
export const ModuleUnavailable = defineError<{ module: string }>({
  code: 'MODULE_UNAVAILABLE',
  status: 503,
  sentence: 'The module {module} cannot work: something it needs does not answer. Repeat the request later.',
  retryable: true,
  retryAfter: 1,
})

const ComponentReport = Type.Object(
  {
    name: Type.String(),
    status: OneOf(['ok', 'degraded', 'down', 'unknown']),
    latencyMs: Nullable(Type.Number()),
    since: Instant,
    reason: Nullable(Type.String()),
  },
  { additionalProperties: false },
)
const Report = Type.Object(
  {
    status: OneOf(['ok', 'degraded']),
    components: Type.Optional(Type.Array(ComponentReport, { description: 'For those who hold ops:read' })),
  },
  { additionalProperties: false, $id: 'Health' },
)

const tags = ['platform']

/** The three questions a platform asks a process, and their answers. */
export const healthRoutes =
  (health: Health): ModuleRoutes =>
  async (app) => {
    app.get(
      '/health/live',
      {
        schema: { operationId: 'getLiveness', summary: 'Does the process answer', tags, response: answers({ 200: Report }) },
        config: { access: 'public' },
      },
      async () => ({ status: 'ok' as const }),
    )

    app.get(
      '/health/startup',
      {
        schema: { operationId: 'getStartup', summary: 'Has the process started', tags, response: answers({ 200: Report }) },
        config: { access: 'public', errors: [NotReady] },
      },
      async () => {
        if (!health.isStarted) throw NotReady({ phase: health.phase })
        return { status: 'ok' as const }
      },
    )

    app.get(
      '/health/ready',
      {
        schema: {
          operationId: 'getReadiness',
          summary: 'Does the process take requests',
          description:
            'A dependency that is away makes the process degraded, not unready. With module the question is whether that module can work.',
          tags,
          querystring: Type.Object({ module: Type.Optional(Type.String({ pattern: '^[a-z]{1,40}$' })) }, { additionalProperties: false }),
          response: answers({ 200: Report }),
        },
        config: { access: 'public', errors: [NotReady, ModuleUnavailable] },
      },
      async (request) => {
        const report = readiness(health, request.query.module)
        const mayKnow = scopeOf(request.principal, 'ops:read') === 'any'
        return mayKnow ? { status: report.status, components: report.components } : { status: report.status }
      },
    )
  }

/** Throws NOT_READY, MODULE_UNAVAILABLE, or ROUTE_NOT_FOUND for a module that is not here. */
export function readiness(health: Health, module: string | undefined): { status: 'ok' | 'degraded'; components: ComponentState[] } {
  if (health.phase !== 'ready') throw NotReady({ phase: health.phase })
  if (module !== undefined) {
    const serving = health.isModuleServing(module)
    if (serving === undefined) throw RouteNotFound()
    if (!serving) throw ModuleUnavailable({ module })
  }
  return health.report()
}
