import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'

/** People who work steadily at one address: each reads, then writes with a key of its own, on connections that are kept. */
export interface SteadyLoad {
  /** So far. */
  readonly sent: number
  /** Ends after the requests that are under way. */
  stop(): Promise<LoadReport>
}

export interface LoadReport {
  reads: number
  /** Keys that were sent, each with the ids the answers named; repeated ones have been asked again with the same key. */
  written: ReadonlyMap<string, readonly unknown[]>
  /** Every answer that was not the expected one, and every connection that broke. */
  failedReads: string[]
  failedWrites: string[]
  /** Answers that were kept ones of an earlier execution. */
  replayed: number
}

interface Load {
  url: string
  token: string
  reads: readonly string[]
  write: { path: string; body: unknown }
  clients?: number
  perSecond?: number
}

export function startLoad({ url, token, reads, write, clients = 16, perSecond = 200 }: Load): SteadyLoad {
  const pool = new Pool(url, { connections: clients, pipelining: 1 })
  const headers = { authorization: `Bearer ${token}` }
  const body = JSON.stringify(write.body)
  const written = new Map<string, unknown[]>()
  const report = { reads: 0, written, failedReads: [] as string[], failedWrites: [] as string[], replayed: 0 }
  let sent = 0
  let isOver = false

  async function read(path: string): Promise<void> {
    report.reads += 1
    const failure = await failureOf(async () => {
      const answer = await pool.request({ method: 'GET', path, headers })
      const text = await answer.body.text()
      return answer.statusCode === 200 ? undefined : `${answer.statusCode} ${text}`
    })
    if (failure !== undefined) report.failedReads.push(`GET ${path}: ${failure}`)
  }

  async function put(): Promise<void> {
    const key = randomUUID()
    const ids: unknown[] = []
    written.set(key, ids)
    while (ids.length === 0) {
      const failure = await failureOf(async () => {
        const answer = await pool.request({
          method: 'POST',
          path: write.path,
          headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': key },
          body,
        })
        if (answer.statusCode !== 201) return `${answer.statusCode} ${await answer.body.text()}`
        if (answer.headers['idempotent-replayed'] === 'true') report.replayed += 1
        ids.push(idOf(await answer.body.json()))
        return undefined
      })
      if (failure === undefined) return
      report.failedWrites.push(`POST ${write.path}: ${failure}`)
      if (report.failedWrites.length > 1_000) return
      await pause(100)
    }
  }

  async function work(): Promise<void> {
    const everyMs = (1_000 * clients) / perSecond
    for (let turn = 0; !isOver; turn += 1) {
      const began = performance.now()
      sent += 1
      await (turn % 2 === 0 ? read(reads[(turn / 2) % reads.length] ?? '') : put())
      await pause(Math.max(0, everyMs - (performance.now() - began)))
    }
  }

  const workers = Promise.all(Array.from({ length: clients }, work))
  return {
    get sent() {
      return sent
    },
    stop: async () => {
      isOver = true
      await workers
      await pool.close()
      return report
    },
  }
}

async function failureOf(ask: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await ask()
  } catch (error) {
    return error instanceof Error ? `${'code' in error ? error.code : error.name} ${error.message}` : String(error)
  }
}

const idOf = (body: unknown): unknown => (typeof body === 'object' && body !== null && 'id' in body ? body.id : undefined)
