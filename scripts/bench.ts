import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureEvents } from './bench/events.ts'
import { eventTable, performancePage, requestTable, transportTable } from './bench/page.ts'
import { measureRequests } from './bench/requests.ts'
import { circumstances, type Performance } from './bench/results.ts'
import { isKept, measureTransports, promises } from './bench/transports.ts'
import { thisMachine } from './chaos/machine.ts'
import { describeFailure, Failure } from './servers/failure.ts'

const usage = `npm run bench [-- options] [requests] [events] [transports]

Measures private copies of the system: what a request costs, what the system costs at rest, how fast events are, and what it costs
that a module is in another process. Takes about five minutes for each of the first two and three for the last. The figures go to
docs/performance.json and from there to docs/performance.md. Ends with 1 when a transport costs more than is promised.

  requests      only the CPU time per request, as ratios to bare Fastify in the same run
  events        only the events
  transports    only calls between modules, and the layouts, as ratios to one process in the same run
  --rounds N    rounds of requests and layouts, default 7
  --short       a tenth of the events, for a look; the page is left alone
  --json        print one JSON object instead of the tables
  --no-write    leave the figures and the page alone
`

const root = resolve(import.meta.dirname, '..')
const figuresFile = join(root, 'docs/performance.json')
const pageFile = join(root, 'docs/performance.md')
const parts = ['requests', 'events', 'transports']

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (text: string): void => {
  if (!options.json) process.stderr.write(text)
}

async function main(): Promise<void> {
  if (options.help) {
    process.stdout.write(usage)
    return
  }
  const unknown = positionals.filter((part) => !parts.includes(part))
  if (unknown.length > 0)
    throw new Failure({
      what: `There is no ${unknown.join(', ')} to measure.`,
      why: 'What is measured has three parts.',
      mend: 'npm run bench -- --help',
    })
  const wants = (part: string): boolean => positionals.length === 0 || positionals.includes(part)
  const measured: Performance = {
    machine: thisMachine(),
    ...(wants('requests') ? { requests: { ...circumstances(), ...(await measureRequests(Number(options.rounds), say)) } } : {}),
    ...(wants('transports') ? { transports: { ...circumstances(), ...(await measureTransports(Number(options.rounds), say)) } } : {}),
    ...(wants('events') ? { events: { ...circumstances(), ...(await measureEvents({ scale: options.short ? 0.1 : 1, say })) } } : {}),
  }
  if (!options.short && !options['no-write']) keep(measured)
  if (measured.transports && !promises(measured.transports).every(isKept)) process.exitCode = 1
  process.stdout.write(options.json ? `${JSON.stringify(measured, null, 2)}\n` : `${tables(measured)}\n`)
}

/** A part that was not measured this time stays, with its date. */
function keep(measured: Performance): void {
  const kept: Partial<Performance> = existsSync(figuresFile) ? JSON.parse(readFileSync(figuresFile, 'utf8')) : {}
  const all: Performance = { ...kept, ...measured }
  writeFileSync(figuresFile, `${JSON.stringify(all, null, 2)}\n`)
  writeFileSync(pageFile, performancePage(all))
}

const tables = ({ requests, events, transports }: Performance): string =>
  [
    ...(requests ? [requestTable(requests)] : []),
    ...(events ? [eventTable(events)] : []),
    ...(transports ? [transportTable(transports)] : []),
  ].join('\n\n')

try {
  await main()
} catch (error) {
  if (!(error instanceof Failure)) throw error
  process.stderr.write(describeFailure(error))
  process.exitCode = 1
}
