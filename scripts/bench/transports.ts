import { type CallFigure, type CallFigures, measureCalls } from './calls.ts'
import { rounded } from './figures.ts'
import { type LayoutFigures, type LayoutName, measureLayouts, processorsForReplicas } from './layouts.ts'

/** What it costs that a neighbour is somewhere else. */
export interface TransportFigures {
  readonly calls: CallFigures
  readonly layouts: LayoutFigures
}

export async function measureTransports(rounds: number, say: (text: string) => void): Promise<TransportFigures> {
  say('calls of contracts … ')
  const calls = await measureCalls()
  say('measured\n')
  return { calls, layouts: await measureLayouts(rounds, say) }
}

/** A figure beside what is promised of it. */
export interface Promised {
  readonly what: string
  readonly measured: number
  readonly atMost?: number
  readonly atLeast?: number
}

export const callOf = ({ calls }: CallFigures, transport: CallFigure['transport']): CallFigure => {
  const found = calls.find((call) => call.transport === transport)
  if (!found) throw new Error(`no calls by ${transport} were measured`)
  return found
}

export function cpuOfLayout({ layouts }: LayoutFigures, name: LayoutName) {
  const found = layouts.find(({ layout }) => layout === name)
  if (!found) throw new Error(`the layout ${name} was not measured`)
  return found
}

export const quoteWithoutDatabase = ({ quotes }: CallFigures, name: string): number =>
  quotes.find(({ layout }) => layout === name)?.cpu ?? Number.NaN

/** Ratios of one run, so that a slow machine does not break them; the two times are far from what any machine takes. */
export function promises({ calls, layouts }: TransportFigures): Promised[] {
  const [local, split] = [cpuOfLayout(layouts, 'local'), cpuOfLayout(layouts, 'split2')]
  const { processors, one, three } = layouts.replicas
  const ratio = (of: number, to: number): number => rounded(of / to, 2)
  return [
    { what: 'local: p50 of a call, µs', measured: callOf(calls, 'local').p50, atMost: 1 },
    { what: 'loopback: p50 of a call, µs', measured: callOf(calls, 'loopback').p50, atMost: 10 },
    {
      what: 'http: p50 of a call, times that of loopback',
      measured: ratio(callOf(calls, 'http').p50, callOf(calls, 'loopback').p50),
      atMost: 100,
    },
    {
      what: 'local: bytes allocated per call beyond those of the function itself',
      measured: rounded(calls.allocated.local - calls.allocated.byHand, 0),
      atMost: 0,
    },
    {
      what: 'local: CPU of a quote, times that of one wired by hand',
      measured: rounded(quoteWithoutDatabase(calls, 'local') / quoteWithoutDatabase(calls, 'by hand'), 3),
      atMost: 1.03,
    },
    { what: 'split2: CPU of prices, times that of one process', measured: ratio(split.prices, local.prices), atMost: 3.5 },
    { what: 'split2: CPU of a quote, times that of one process', measured: ratio(split.quote, local.quote), atMost: 3.5 },
    ...(processors < processorsForReplicas
      ? []
      : [{ what: 'three replicas: requests per second, times those of one', measured: ratio(three, one), atLeast: 2.2 }]),
  ]
}

export const isKept = ({ measured, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY }: Promised): boolean =>
  measured <= atMost && measured >= atLeast
