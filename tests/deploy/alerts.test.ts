import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { parse } from 'yaml'
import { until } from '#support/event-world.ts'
import { type System, startSystem } from '#support/system.ts'
import { mendingCommands } from '../../scripts/events/mending.ts'
import { readingCommands } from '../../scripts/events/reading.ts'
import { evaluate, metricsIn, readSamples, type Scrape, seconds } from './promql.ts'

interface AlertRule {
  alert: string
  expr: string
  for: string
  labels: Record<string, string>
  annotations: { summary: string; description: string }
}

const files = { rules: 'deploy/alerts/events.rules.yml', prometheus: 'deploy/alerts/prometheus.yml' }
const { groups }: { groups: { name: string; interval: string; rules: AlertRule[] }[] } = parse(readFileSync(files.rules, 'utf8'))
const rules = groups.flatMap((group) => group.rules)
const ruleNamed = (name: string): AlertRule => rules.find(({ alert }) => alert === name) ?? expect.fail(`no rule ${name}`)

/** The command line as it is, so that nobody is advised of a command or an option that is gone. */
const program = new Command('events')
for (const add of [readingCommands, mendingCommands]) add(program, async () => {})

function commandOf(words: readonly string[]): Command | undefined {
  let found: Command | undefined = program
  for (const word of words) {
    const next: Command | undefined = found.commands.find((command) => command.name() === word)
    if (next) found = next
    else break
  }
  return found === program ? undefined : found
}

describe.each(rules)('the alert $alert', (rule) => {
  it('has a name, an expression, a time, a severity and words', () => {
    expect(rule).toEqual({
      alert: expect.stringMatching(/^Bulkhead[A-Z][A-Za-z]+$/),
      expr: expect.any(String),
      for: expect.stringMatching(/^\d+[smh]$/),
      labels: { severity: expect.stringMatching(/^(critical|warning)$/) },
      annotations: { summary: expect.any(String), description: expect.any(String) },
    })
  })

  it('says what to do, with commands and options that exist', () => {
    const advised = [...rule.annotations.description.matchAll(/`npm run events -- ([^`]+)`/g)].map(([, words = '']) => words.split(' '))

    expect(advised).not.toEqual([])
    for (const words of advised) {
      const command = commandOf(words)
      const options = words.filter((word) => word.startsWith('--'))
      expect(command?.commands, words.join(' ')).toEqual([])
      expect(command?.options.map(({ long }) => long)).toEqual(expect.arrayContaining(options))
    }
  })

  it('names only labels that its expression leaves', () => {
    const named = [...JSON.stringify(rule.annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
    const left = [...rule.expr.matchAll(/ by \(([\w, ]+)\)/g)].map(([, labels = '']) => labels.split(', '))

    expect(named).not.toEqual([])
    for (const labels of left) expect(labels).toEqual(expect.arrayContaining(named))
  })
})

test('there is one alert for each way in which events can go wrong, and no two of one name', () => {
  expect(rules.map(({ alert }) => alert)).toEqual([
    'BulkheadEventsNotNumbered',
    'BulkheadEventsLate',
    'BulkheadEventDeadLetter',
    'BulkheadEventGenerationConflict',
    'BulkheadEventPurgeBlocked',
    'BulkheadEventDeathCounted',
  ])
})

describe('a counted death', () => {
  const { expr } = ruleNamed('BulkheadEventDeathCounted')
  const deaths = (at: number, value?: number): Scrape => {
    const labels = { consumer: 'customer.profile' }
    return { at, samples: value === undefined ? [] : [{ name: 'bulkhead_event_deaths_total', labels, value }] }
  }
  const fires = (...scrapes: Scrape[]): boolean => evaluate(expr, scrapes).length > 0

  it('is an alert when the count rises, and when the first sample of a new process already shows it', () => {
    expect(fires(deaths(0, 0), deaths(5, 0))).toBe(false)
    expect(fires(deaths(0, 0), deaths(5, 1))).toBe(true)
    expect(fires(deaths(0), deaths(5, 1))).toBe(true)
    expect(fires(deaths(0, 3), deaths(5, 1))).toBe(true)
  })

  it('is none any more ten minutes later', () => {
    expect(fires(deaths(0, 0), deaths(5, 1), deaths(300, 1), deaths(590, 1))).toBe(true)
    expect(fires(deaths(0, 0), deaths(5, 1), deaths(300, 1), deaths(590, 1), deaths(900, 1))).toBe(false)
  })
})

describe('against a running system', () => {
  let system: System
  let metricsUrl: string
  beforeAll(async () => {
    system = await startSystem()
    const { host, port } = await system.app.internal.listen({ host: '127.0.0.1', port: 0 })
    metricsUrl = `http://${host}:${port}/metrics`
  })
  afterAll(async () => {
    await system.app.internal.close()
    await system.stop()
  })

  const metrics = async (): Promise<string> => (await fetch(metricsUrl)).text()
  const outbox = (statement: string) =>
    system.databases.asRoot(statement.replaceAll('$', `\`${system.databases.settings.shared_user_db.schema}\`.`))

  it('every metric of every rule is served', async () => {
    const served = [...(await metrics()).matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)

    for (const { expr } of rules) {
      expect(metricsIn(expr)).not.toEqual([])
      expect(served).toEqual(expect.arrayContaining([...metricsIn(expr)]))
    }
  })

  it('docs/events.md lists every metric of events and every alert', async () => {
    const text = await metrics()
    const served = [...text.matchAll(/^# TYPE (bulkhead_(?:event|outbox|commit|generation|stream)\S+) /gm)].map(([, name]) => name)
    const page = readFileSync('docs/events.md', 'utf8')
    const rowsOf = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, name]) => name)

    expect(rowsOf(/^\| `(bulkhead_\w+)` \|/gm).toSorted()).toEqual(served.toSorted())
    expect(rowsOf(/^\| `(Bulkhead\w+)` \|/gm)).toEqual(rules.map(({ alert }) => alert))
  })

  it('no rule fires while all is well', async () => {
    const samples = readSamples(await metrics())

    expect(rules.filter(({ expr }) => evaluate(expr, [{ at: 0, samples }]).length > 0)).toEqual([])
  })

  it('counts begin at 0, so that the first rise is one', async () => {
    const samples = readSamples(await metrics())

    for (const name of ['bulkhead_event_deaths_total', 'bulkhead_event_dead_letters_total', 'bulkhead_event_executions_total'])
      expect(samples).toContainEqual({ name, labels: { consumer: 'customer.profile' }, value: expect.any(Number) })
  })

  it('EV-33: with the relay stopped the age of the oldest pending event rises and the alert fires', async () => {
    const { expr } = ruleNamed('BulkheadEventsNotNumbered')
    const scrapes: Scrape[] = []
    const firing = async () => {
      scrapes.push({ at: scrapes.length, samples: readSamples(await metrics()) })
      return evaluate(expr, scrapes)
    }
    const age = () =>
      scrapes
        .at(-1)
        ?.samples.find(({ name, labels }) => name === 'bulkhead_outbox_oldest_pending_seconds' && labels.source === 'shared_user')?.value ??
      0
    // Another process has the lease and does nothing with it.
    await outbox("UPDATE $outbox_sequence SET owner = 'frozen', until = NOW(3) + INTERVAL 1 HOUR")
    await publish(outbox)
    await until(async () => (await firing()).length === 0 && age() > 0, 'an age that rises')
    const [before, early] = [age(), await firing()]
    await until(async () => (await firing()).length === 0 && age() > before, 'an age that rises on')

    await outbox('UPDATE $outbox SET occurred_at = occurred_at - INTERVAL 10 SECOND WHERE pub_seq IS NULL')
    await until(async () => (await firing()).length > 0, 'the alert')

    expect(early).toEqual([])
    expect(await firing()).toEqual([{ labels: { source: 'shared_user' }, value: expect.any(Number) }])

    await outbox("UPDATE $outbox_sequence SET owner = '', until = NOW(3)")
    await until(async () => (await firing()).length === 0 && age() === 0, 'the end of the alert')
  })
})

test('EV-33: from a relay that stops to the alert that fires it takes at most 30 s', () => {
  const { expr, for: wait } = ruleNamed('BulkheadEventsNotNumbered')
  const { global }: { global: { scrape_interval: string; evaluation_interval: string } } = parse(readFileSync(files.prometheus, 'utf8'))
  const threshold = Number(/> (\d+)$/.exec(expr)?.[1])
  // The process looks for pending events every 2 s at the latest.
  const longestLook = 2

  for (const { interval } of groups)
    expect(threshold + longestLook + seconds(global.scrape_interval) + seconds(interval) + seconds(wait)).toBeLessThanOrEqual(30)
})

/** An event of no importance to anybody: nobody hears it. */
async function publish(outbox: (statement: string) => Promise<unknown>): Promise<void> {
  await outbox(
    `INSERT INTO $outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at)
     VALUES (UUID(), 3, 'user/999', 1, 'user.roles_changed', 1, '{}', '{}', NOW(3))`,
  )
}
