/** A small client of the public API for scripts: JSON in and out, problems as readable errors. */

export interface Answer<T> {
  status: number
  body: T
  etag: string | undefined
}

export interface CallOptions {
  body?: unknown
  /** `*` is not accepted by the API: the ETag the resource was read with. */
  ifMatch?: string | undefined
  idempotencyKey?: string
}

export interface Api {
  call<T>(method: string, path: string, options?: CallOptions): Promise<Answer<T>>
  /** The same API as somebody else. */
  as(token: string): Api
}

interface Problem {
  title: string
  status: number
  code: string
  detail: string
  errors?: { path: string; code: string; message: string }[]
}

/** What the API answered instead of a success. */
export class ApiProblem extends Error {
  readonly problem: Problem
  constructor(request: string, problem: Problem) {
    const faults = (problem.errors ?? []).map((fault) => `\n    ${fault.path} ${fault.code}: ${fault.message}`).join('')
    super(`${request} answered ${problem.status} ${problem.code}: ${problem.detail}${faults}`)
    this.name = 'ApiProblem'
    this.problem = problem
  }
}

export function createApi(baseUrl: string, token?: string): Api {
  return {
    as: (other) => createApi(baseUrl, other),
    async call<T>(method: string, path: string, { body, ifMatch, idempotencyKey }: CallOptions = {}): Promise<Answer<T>> {
      const response = await fetch(new URL(path, baseUrl), {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      })
      const text = await response.text()
      const parsed = text === '' ? undefined : JSON.parse(text)
      if (!response.ok) throw new ApiProblem(`${method} ${path}`, parsed)
      return { status: response.status, body: parsed, etag: response.headers.get('etag') ?? undefined }
    },
  }
}

/** Said before anything was done, so even a write may be sent again. */
const tooEarly = new Set(['OVERLOADED', 'NOT_READY'])

/** The same API for scripts that come while it is busy: what it refuses for now is asked again for a while. */
export function patient(api: Api, { patienceMs = 30_000, everyMs = 500 } = {}): Api {
  return {
    as: (token) => patient(api.as(token), { patienceMs, everyMs }),
    async call<T>(...request: Parameters<Api['call']>): Promise<Answer<T>> {
      const end = performance.now() + patienceMs
      for (;;) {
        try {
          return await api.call<T>(...request)
        } catch (error) {
          if (!(error instanceof ApiProblem) || !tooEarly.has(error.problem.code) || performance.now() > end) throw error
          await new Promise((resolve) => setTimeout(resolve, everyMs))
        }
      }
    },
  }
}

/** Asks again until the answer fits; events arrive a moment after the reply that caused them. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 10_000): Promise<T> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > end) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s; look at the log of the API`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export interface Page<T> {
  data: T[]
}

export async function login(api: Api, email: string, password: string): Promise<Api> {
  const { body } = await api.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password } })
  return api.as(body.accessToken)
}
