import { markdownTable } from '../tables.ts'
import type { CallFigure } from './calls.ts'
import { processorsForReplicas } from './layouts.ts'
import { callOf, cpuOfLayout, isKept, type Promised, promises, quoteWithoutDatabase, type TransportFigures } from './transports.ts'

const times = (of: number, to: number): string => `× ${(of / to).toFixed(2)}`
const count = (value: number): string => value.toLocaleString('en')

/** For the terminal and for the page: what is promised, and whether it is kept. */
export function promiseRows(figures: TransportFigures): string[][] {
  return [
    ['transports', 'measured', 'promised', ''],
    ...promises(figures).map((each) => [each.what, String(each.measured), limitOf(each), isKept(each) ? 'kept' : 'BROKEN']),
  ]
}

const limitOf = ({ atMost, atLeast }: Promised): string => (atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`)

/** The part of `docs/performance.md` about what a transport costs, after the sentence that says how it was measured. */
export function transportSection(figures: TransportFigures): string[] {
  const { calls, layouts } = figures
  return [
    `The same operation (\`customer.getPricingProfile\`) of a module without database, one call after the other, the best of ${calls.rounds} rounds in
which all transports take turns:`,
    markdownTable(callRows(figures)),
    `With ${calls.busy.atOnce} calls at once, as in a busy process, HTTP carries ${count(calls.busy.perSecond)} calls a second and takes ${calls.busy.cpu} µs of processor time for each,
both ends together. A network adds its own time, and none of the processor.`,
    `A quote asks three things of its neighbours. Processor time per quote, all processes of the API together, the best of ${layouts.rounds} rounds
in which all layouts take turns; the load goes to the process that hosts pricing, without the balancer:`,
    markdownTable(layoutRows(figures)),
    `- **Without database**: only the engine and the calls; neighbours answer from memory. It shows the calls at their largest.
- **Prices**: \`POST /v1/rates\`, which reads. **Quote**: \`POST /v1/quotes\`, which writes, and whose event the other processes hear.
- **Memory**: resident in all processes together.`,
    replicasText(figures),
    markdownTable(promiseRows(figures)),
    advice(figures),
  ]
}

function callRows({ calls }: TransportFigures): string[][] {
  const base = callOf(calls, 'loopback').mean
  const name = { 'by hand': 'by hand: the function itself', local: 'local', loopback: 'loopback', http: 'http, kept connections' } as const
  const row = ({ transport, p50, mean }: CallFigure): string[] => [name[transport], String(p50), String(mean), times(mean, base)]
  return [['call', 'p50 µs', 'mean µs', 'to loopback'], ...calls.calls.map(row)]
}

function layoutRows({ calls, layouts }: TransportFigures): string[][] {
  const [base, bare] = [cpuOfLayout(layouts, 'local'), quoteWithoutDatabase(calls, 'local')]
  const said = {
    local: 'one process',
    replicas3: 'three replicas',
    split2: 'split2: two processes',
    units: 'units: four processes',
  } as const
  return [
    ['layout', 'without database, µs', '', 'prices, µs', '', 'quote, µs', '', 'memory, MiB'],
    ...layouts.layouts.map(({ layout, prices, quote, memory }) => {
      // A replica does by itself what one process does.
      const without = layout === 'replicas3' ? undefined : quoteWithoutDatabase(calls, layout)
      return [
        said[layout],
        ...(without === undefined ? ['', ''] : [String(without), times(without, bare)]),
        String(prices),
        times(prices, base.prices),
        String(quote),
        times(quote, base.quote),
        String(memory),
      ]
    }),
  ]
}

function replicasText({ layouts: { replicas } }: TransportFigures): string {
  const { processors, one, three } = replicas
  const measured = `Behind the balancer three replicas answer ${count(three)} requests for prices a second, one process alone ${count(one)} (${times(three, one)})`
  return processors < processorsForReplicas
    ? `${measured}. This machine has ${processors}
processors for replicas, database, balancer and load together, so this says nothing about what replicas gain; from ${processorsForReplicas} on it is judged.`
    : `${measured}.`
}

function advice({ calls, layouts }: TransportFigures): string {
  const [local, split, units] = (['local', 'split2', 'units'] as const).map((name) => cpuOfLayout(layouts, name))
  const more = (of?: { prices: number }): number => Math.round((((of?.prices ?? 0) - (local?.prices ?? 0)) / (local?.prices ?? 1)) * 100)
  return `**What follows.** A module in the same process costs what a function costs, so boundaries are free. A module elsewhere costs about
${Math.round(calls.busy.cpu)} µs of processor time per call, two serialisations and another way to fail: for the same prices the processors work ${more(split)} % longer in
two processes and ${more(units)} % longer in four. So replicate the whole first: three replicas cost nothing per request. Extract a module for a
reason that replicas do not meet: a fault that must stay alone, a team that must release alone, a load of another kind (hashing passwords,
pricing) that must be sized alone. And extract what is called seldom from what calls often.`
}
