import { createHash } from 'node:crypto'
import type { RunnerTask, RunnerTestCase, RunnerTestSuite } from 'vitest'
import type { Exchange } from '../acceptance/client.ts'
import type { RecordedTest } from './matrix-comparison.ts'
import type { Masks } from './matrix-masks.ts'

/** Keeps what each test of a topology asked and was answered, masked. */
export interface Recorder {
  /** What is noted from now on belongs to this test. */
  begin(id: string): void
  note(exchange: Exchange): void
  /** The tests as they ended; those that were never begun have seen nothing. */
  tests(results: readonly Pick<RecordedTest, 'id' | 'result'>[]): RecordedTest[]
}

/** The headers that say something; others tell of connections, the time and the limits of the process that answered. */
const told = [
  'allow',
  'cache-control',
  'content-type',
  'etag',
  'idempotent-replayed',
  'link',
  'location',
  'retry-after',
  'vary',
  'www-authenticate',
] as const

/** A longer text is kept as its hash. */
const longest = 100_000

export function createRecorder(masks: Masks): Recorder {
  const noted = new Map<string, Exchange[]>()
  let current: Exchange[] = []

  return {
    begin(id) {
      current = noted.get(id) ?? []
      noted.set(id, current)
    },
    note: (exchange) => void current.push(exchange),
    tests(results) {
      // Masked in the order in which the tests ran, since ids are numbered as they appear.
      const exchanges = new Map([...noted].map(([id, list]) => [id, list.map((exchange) => maskedExchange(exchange, masks))]))
      return results.map(({ id, result }) => ({ id, result, exchanges: exchanges.get(id) ?? [] }))
    },
  }
}

function maskedExchange({ asked, reply }: Exchange, masks: Masks): string {
  const line = masks.text(asked)
  if (!reply) return `${line}\nno answer`
  const headers = told.flatMap((name) => (reply.headers[name] === undefined ? [] : [`${name}: ${masks.text(reply.headers[name])}`]))
  const body = isJson(reply.text) ? JSON.stringify(masks.json(JSON.parse(reply.text))) : masks.text(reply.text)
  const kept = body.length > longest ? createHash('sha256').update(body).digest('base64') : body
  return [line, reply.status, ...headers, kept].join('\n')
}

const isJson = (text: string): boolean => text.startsWith('{') || text.startsWith('[')

/** The name of a test without that of the topology, which is the outermost. */
export const idOf = ({ fullTestName }: Pick<RunnerTestCase, 'fullTestName'>): string => fullTestName.split(' > ').slice(1).join(' > ')

/** How each test of the topology ended. One that should have run and has no result was in the way of a failure. */
export function resultsIn({ tasks }: Pick<RunnerTestSuite, 'tasks'>): Pick<RecordedTest, 'id' | 'result'>[] {
  return tasks.flatMap((task) => (task.type === 'suite' ? resultsIn(task) : [{ id: idOf(task), result: resultOf(task) }]))
}

function resultOf({ mode, result }: Pick<RunnerTask, 'mode' | 'result'>): RecordedTest['result'] {
  if (mode === 'skip' || mode === 'todo' || result?.state === 'skip') return 'skipped'
  return result?.state === 'pass' ? 'passed' : 'failed'
}
