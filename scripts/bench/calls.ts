import { fork } from 'node:child_process'
import { once } from 'node:events'

/** What a call of a contract costs, by transport, in µs; without databases. */
export interface CallFigures {
  readonly rounds: number
  readonly calls: readonly CallFigure[]
  /** Bytes per call. */
  readonly allocated: { readonly byHand: number; readonly local: number }
  /** Calls over HTTP that do not wait for each other: processor time of both ends per call, in µs. */
  readonly busy: { readonly atOnce: number; readonly perSecond: number; readonly cpu: number }
  readonly quotes: readonly QuoteFigure[]
}

export interface CallFigure {
  /** `by hand`: the function itself, without an exchange. */
  readonly transport: 'by hand' | 'local' | 'loopback' | 'http'
  readonly p50: number
  readonly mean: number
}

/** A quote without database: the engine and three calls, processor time of all processes together in µs. */
export interface QuoteFigure {
  readonly layout: 'by hand' | 'local' | 'split2' | 'units'
  readonly cpu: number
}

/** In processes of their own, so that what was measured before leaves no trace in what the engine has compiled. */
export async function measureCalls(): Promise<CallFigures> {
  const child = fork(new URL('./caller-process.ts', import.meta.url), [], {
    execArgv: ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'],
  })
  const ended = once(child, 'exit').then(([code]): never => {
    throw new Error(`the benchmark of calls ended with ${code}`)
  })
  const [figures]: CallFigures[] = await Promise.race([once(child, 'message'), ended])
  if (!figures) throw new Error('the benchmark of calls said nothing')
  ended.catch(() => {})
  child.disconnect()
  return figures
}
