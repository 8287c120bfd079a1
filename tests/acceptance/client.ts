import { Pool } from 'undici'

/** The public API as acceptance tests use it. Every answer a test sees is noted on the way, so that no test can forget it. */

// Answers are looked at freely here; their schemas are checked by the surface, strictly.
export interface Body {
  readonly id: number
  readonly version: number
  readonly status: string
  readonly code: string
  readonly data: readonly Body[]
  readonly page: { readonly nextCursor: string | null; readonly hasMore: boolean }
  readonly [member: string]: unknown
}

export interface Reply<T = Body> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: T
  readonly text: string
}

export interface Asking {
  body?: unknown
  /** The ETag the resource was read with. */
  ifMatch?: string | undefined
  /** Idempotency-Key */
  key?: string
  headers?: Readonly<Record<string, string>>
}

export interface Client {
  /** `ask('POST /v1/quotes', { body })`. Whatever the answer is, it is an answer. */
  ask<T = Body>(line: string, asking?: Asking): Promise<Reply<T>>
  /** Asks again until the answer fits: what travels by event arrives a moment later. Only the answer that fits is noted. */
  until<T = Body>(line: string, fits: (reply: Reply<T>) => boolean, asking?: Asking): Promise<Reply<T>>
  /** The same API as somebody else, who is called by the name in what is noted. */
  as(name: string, token: string): Client
}

/** What was asked by whom, and what came back. */
export interface Exchange {
  readonly asked: string
  reply?: Pick<Reply, 'status' | 'headers' | 'text'>
}

const patienceMs = 10_000
const everyMs = 20

export function openClient(url: string, note: (exchange: Exchange) => void): Client & { close(): Promise<void> } {
  const pool = new Pool(url, { connections: 8, pipelining: 1 })

  async function send<T>(line: string, { body, ifMatch, key, headers = {} }: Asking, token: string | undefined): Promise<Reply<T>> {
    const [method, path = '/'] = line.split(' ', 2)
    const answer = await pool.request({
      method: method as 'GET',
      path,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: flat(answer.headers), text, body: text.startsWith('{') ? JSON.parse(text) : {} }
  }

  const clientOf = (name: string, token?: string): Client => ({
    async ask<T>(line: string, asking: Asking = {}) {
      // Noted before it is answered: those that are asked at once stay in the order of the asking.
      const exchange: Exchange = { asked: `${line} as ${name}` }
      note(exchange)
      const reply = await send<T>(line, asking, token)
      exchange.reply = reply
      return reply
    },
    async until<T>(line: string, fits: (reply: Reply<T>) => boolean, asking: Asking = {}) {
      const end = performance.now() + patienceMs
      for (;;) {
        const reply = await send<T>(line, asking, token)
        if (fits(reply)) {
          note({ asked: `${line} as ${name}`, reply })
          return reply
        }
        if (performance.now() > end) throw new Error(`${line} did not become what it should; at last: ${reply.status} ${reply.text}`)
        await new Promise((resolve) => setTimeout(resolve, everyMs))
      }
    },
    as: clientOf,
  })
  return { ...clientOf('nobody'), close: () => pool.close() }
}

const flat = (headers: NodeJS.Dict<string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))
