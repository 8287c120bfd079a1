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
  /**
   * `ask('POST /v1/quotes', { body })`. Whatever the answer is, it is an answer; but one of several replicas may read from a copy
   * that is up to a second old, so there what a change has told already is asked for until it is told again.
   */
  ask<T = Body>(line: string, asking?: Asking): Promise<Reply<T>>
  /**
   * Asks until the answer fits, at every process that may give it: what travels by event arrives a moment later. Only the answer
   * that fits is noted. Not for what has an effect each time.
   */
  until<T = Body>(line: string, fits: (reply: Reply<T>) => boolean, asking?: Asking): Promise<Reply<T>>
  /** The same API as somebody else, who is called by the name in what is noted. */
  as(name: string, token: string): Client
}

/** What was asked by whom, and what came back. */
export interface Exchange {
  readonly asked: string
  reply?: Pick<Reply, 'status' | 'headers' | 'text'>
}

export interface ClientOptions {
  note: (exchange: Exchange) => void
  /** Processes of the same kind that take turns in answering. */
  replicas: number
}

const patienceMs = 10_000
/** Refused before anything was begun, and given up on the way. */
const tooBusy = ['OVERLOADED', 'DEADLINE_EXCEEDED']

/** Asks again a few times: a product that is always late stays late, a crowded machine does not. */
export async function whileBusy<R>(ask: () => Promise<R>, isBusy: (answer: R) => boolean): Promise<R> {
  for (let again = 0; again < 3; again += 1) {
    const answer = await ask()
    if (!isBusy(answer)) return answer
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return ask()
}

/** Most things are there after a moment; what takes a second is not asked for a hundred times. */
const pausesMs = { first: 10, longest: 120 }

export function openClient(url: string, { note, replicas }: ClientOptions): Client & { close(): Promise<void> } {
  const pool = new Pool(url, { connections: 8, pipelining: 1 })
  const toldVersions = new Map<string, number>()

  /** As a client does who was told that the machine has too much else to do: of what is asked, nothing was done. */
  async function send<T>(line: string, asking: Asking, token: string | undefined): Promise<Reply<T>> {
    const mayRepeat = line.startsWith('GET ') || asking.key !== undefined ? tooBusy : tooBusy.slice(0, 1)
    return whileBusy(
      () => sendOnce<T>(line, asking, token),
      ({ status, body }) => status === 503 && mayRepeat.includes(String((body as Partial<Body>).code)),
    )
  }

  async function sendOnce<T>(line: string, { body, ifMatch, key, headers = {} }: Asking, token: string | undefined): Promise<Reply<T>> {
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

  /** What has been told of the resource behind the line is known to the process that answered. */
  function isFresh(line: string, reply: Reply<unknown>): boolean {
    const version = versionOf(reply)
    const address = addressOf(line, reply)
    const told = toldVersions.get(address) ?? 0
    if (version !== undefined && version > told) toldVersions.set(address, version)
    // A process alone has no older copy than itself: what it told before, it must tell at once.
    return replicas === 1 || !line.startsWith('GET ') || version === undefined || version >= told
  }

  async function repeated<T>(
    line: string,
    ask: () => Promise<Reply<T>>,
    fits: (reply: Reply<T>) => boolean,
    times: number,
  ): Promise<Reply<T>> {
    const end = performance.now() + patienceMs
    for (let fitting = 0, pauseMs = pausesMs.first; ; ) {
      const reply = await ask()
      fitting = fits(reply) ? fitting + 1 : 0
      if (fitting === times) return reply
      if (performance.now() > end) throw new Error(`${line} did not become what it should; at last: ${reply.status} ${reply.text}`)
      if (fitting > 0) continue
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      pauseMs = Math.min(2 * pauseMs, pausesMs.longest)
    }
  }

  const clientOf = (name: string, token?: string): Client => ({
    async ask<T>(line: string, asking: Asking = {}) {
      // Noted before it is answered: those that are asked at once stay in the order of the asking.
      const exchange: Exchange = { asked: `${line} as ${name}` }
      note(exchange)
      const reply = await repeated(
        line,
        () => send<T>(line, asking, token),
        (answer) => isFresh(line, answer),
        1,
      )
      exchange.reply = reply
      return reply
    },
    async until<T>(line: string, fits: (reply: Reply<T>) => boolean, asking: Asking = {}) {
      // A balancer lets processes take turns: twice round, none has been left out.
      const times = replicas === 1 ? 1 : 2 * replicas
      const reply = await repeated(line, () => send<T>(line, asking, token), fits, times)
      note({ asked: `${line} as ${name}`, reply })
      return reply
    },
    as: clientOf,
  })
  return { ...clientOf('nobody'), close: () => pool.close() }
}

const flat = (headers: NodeJS.Dict<string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))

function versionOf({ headers }: Pick<Reply, 'headers'>): number | undefined {
  const version = /^"v(\d+)"$/.exec(headers.etag ?? '')?.[1]
  return version === undefined ? undefined : Number(version)
}

/** The resource whose version an answer tells: of an action, or a part that is replaced, the one above it. */
function addressOf(line: string, { headers }: Pick<Reply, 'headers'>): string {
  const [method, path = ''] = line.split(' ', 2)
  if (headers.location !== undefined) return headers.location
  return method === 'POST' || method === 'PUT' ? path.slice(0, path.lastIndexOf('/')) : path
}
