import { afterAll, beforeAll, expect, it } from 'vitest'
import { newGeneration } from '#platform/event-generation.ts'
import { partitionOf } from '#platform/event-partitions.ts'
import { bookkeeping, type Crew, shipEvents } from '#support/event-crew.ts'
import { createWorld, until, type World } from '#support/event-world.ts'
import { privateMariaDb } from '#support/servers.ts'

/**
 * Every statement that the loops really send, as the server's own log has it, is explained by the server over a long log and a
 * long line: a statement that is changed or added is looked at without anybody thinking of it.
 */

const settledRows = Number(process.env.TEST_SETTLED_EVENTS ?? 20_000)
const lineRows = Number(process.env.TEST_LINE_EVENTS ?? 20_000)
const oldRows = 16_000
const stuck = 1
const stuckPart = partitionOf(`ship/${stuck}`)

let server: Awaited<ReturnType<typeof privateMariaDb>>
let world: World
let crew: Crew

beforeAll(async () => {
  server = await privateMariaDb({ extraArgs: ['--log-output=TABLE'] })
  world = await createWorld(server.server)
  const first = register(world.crew())
  await first.events.start()
  await first.events.stop()
  await fill()
  await world.rows('ships', 'SET GLOBAL general_log = 1')
  crew = register(world.crew({ pollMs: 20, idlePollMs: 50, sweepMs: 200 }))
  await everythingHappens()
  await world.rows('ships', 'SET GLOBAL general_log = 0')
}, 300_000)
afterAll(async () => {
  await world?.drop()
  await server?.remove()
})

function register(of: Crew): Crew {
  of.events.register({ database: of.ships, contract: shipEvents })
  const failing = bookkeeping((ship) => {
    if (ship < 3) throw new Error('no berth')
  })
  of.events.register({ database: of.harbours, subscriptions: [failing] })
  return of
}

/** A long log that is settled, its beginning old enough to be purged, and a long line behind one event. */
async function fill(): Promise<void> {
  const rows = (text: string) => world.rows('ships', text)
  const meta = `'{"correlationId":"r","causationId":"r","actor":{"kind":"system"},"traceparent":null}'`
  await rows(`INSERT INTO outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at, pub_seq)
    SELECT UUID(), seq MOD 8, CONCAT('tug/', seq), 1, 'ship.sunk', 1, '{"shipId":1}', ${meta},
      NOW(3) - INTERVAL IF(seq < ${oldRows}, 9, 1) DAY, seq DIV 8 FROM seq_8_to_${settledRows + 7}`)
  await rows(`INSERT INTO outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at, pub_seq)
    SELECT UUID(), ${stuckPart}, 'ship/${stuck}', seq, 'ship.sailed', 1, CONCAT('{"shipId":1,"step":', seq, '}'), ${meta}, NOW(3),
      seq + (SELECT MAX(pub_seq) FROM outbox o WHERE part = ${stuckPart}) FROM seq_1_to_${lineRows}`)
  await rows('INSERT INTO outbox_subject (subject, last_seq) SELECT subject, MAX(subject_seq) FROM outbox GROUP BY subject')
  await rows('UPDATE outbox_sequence s SET next_seq = 1 + (SELECT MAX(pub_seq) FROM outbox o WHERE o.part = s.part)')
  const { harbours } = world.settings
  await rows(`UPDATE \`${harbours.schema}\`.inbox_cursor c JOIN outbox_sequence s ON s.part = c.part
    JOIN outbox o ON o.part = c.part AND o.pub_seq = s.next_seq - 1 SET c.last_seq = o.pub_seq, c.last_event_id = o.event_id`)
  await rows(`INSERT INTO \`${harbours.schema}\`.inbox_parked
      (consumer, source, part, pub_seq, subject, event_id, type, envelope, attempts, next_at, first_at, last_at)
    SELECT 'harbour.book', 'shared_user', part, pub_seq, subject, event_id, type,
      JSON_OBJECT('id', event_id, 'type', type, 'version', 1, 'source', 'shared_user', 'subject', subject, 'subjectSeq', subject_seq,
        'correlationId', 'r', 'causationId', 'r', 'traceparent', NULL, 'occurredAt', '', 'data', JSON_COMPACT(data)),
      0, NOW(3), NOW(3), NOW(3) FROM outbox WHERE subject = 'ship/${stuck}'`)
  // A process died with this line in its hands, and two with this event.
  await world.rows('harbours', 'UPDATE inbox_cursor SET crashes = 1, crash_seq = last_seq WHERE part = 0')
  await world.rows(
    'harbours',
    `INSERT INTO inbox_parked (consumer, source, part, pub_seq, subject, event_id, type, envelope, attempts, unfinished, next_at, first_at, last_at)
     VALUES ('harbour.book', 'shared_user', 0, 1, 'ship/77', UUID(), 'ship.sailed', '{}', 2, 2, NOW(3), NOW(3), NOW(3))`,
  )
  await rows('ANALYZE TABLE outbox, outbox_subject')
  await world.rows('harbours', 'ANALYZE TABLE inbox_parked, inbox_cursor')
}

/** All that loops do: number, deliver, park, retry, bury, purge, follow a new life of the log. */
async function everythingHappens(): Promise<void> {
  const count = async (from: string) => Number((await world.rows('harbours', `SELECT COUNT(*) AS n FROM ${from}`))[0]?.n)
  await crew.events.start()
  for (const ship of [stuck, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) await crew.sail(ship, 1)
  await until(async () => (await count('book')) === 10, 'ten effects')
  await until(async () => (await count("inbox_parked WHERE error_code = 'PROCESS_DIED'")) === 1, 'the dead letter')
  await until(async () => (await count("inbox_parked WHERE subject IN ('ship/1', 'ship/2') AND attempts > 0")) === 2, 'two failures')
  const oldest = () => world.rows('ships', 'SELECT MIN(pub_seq) AS oldest FROM outbox WHERE pub_seq IS NOT NULL GROUP BY part')
  await until(async () => (await oldest()).every((row) => Number(row.oldest) >= oldRows / 8), 'the purge')
  await crew.metrics.registry.metrics()
  await world.rows(
    'harbours',
    "UPDATE inbox_parked SET envelope = JSON_REPLACE(envelope, '$.data.shipId', 3), next_at = NOW(3) WHERE subject = 'ship/2'",
  )
  await until(async () => (await count("inbox_parked WHERE subject = 'ship/2'")) === 0, 'the retry')
  const { generation } = await newGeneration(crew.ships, { reason: 'restored', actor: 'test' })
  await until(async () => (await count(`inbox_cursor WHERE generation < ${generation}`)) === 0, 'the new generation')
  await crew.events.stop()
}

/** One statement of each shape, with the database it was sent to. */
async function sentStatements(): Promise<{ of: 'ships' | 'harbours'; text: string }[]> {
  const shapes = new Map<string, { of: 'ships' | 'harbours'; text: string }>()
  for (const of of ['ships', 'harbours'] as const) {
    const found = await world.rows(
      of,
      `SELECT argument FROM mysql.general_log WHERE user_host LIKE '${world.settings[of].username}[%'
        AND command_type = 'Execute' AND argument REGEXP '^[[:space:]]*[(]*(SELECT|UPDATE|DELETE|INSERT)'`,
    )
    for (const { argument } of found) {
      const text = String(argument).replace(/\s+/g, ' ').trim()
      const withoutTexts = text.replace(/'(?:[^'\\]|\\.|'')*'/g, '""')
      // A statement that could not be executed is logged without its values.
      if (withoutTexts.includes('?')) continue
      const shape = withoutTexts.replace(/""|\b\d+\b/g, '?').replace(/\?(?:, \?)+/g, '?')
      shapes.set(`${of} ${shape}`, { of, text })
    }
  }
  return [...shapes.values()]
}

/** What the loops must have sent, or the log has missed one of them: what happens, begin of the statement. */
const expected = {
  ships: {
    'the look': 'SELECT s.part, s.next_seq',
    'the count of those that wait': 'SELECT COUNT(*) AS pending',
    'the lease of the relay': 'UPDATE outbox_sequence SET owner',
    'the pending events': '(SELECT id, part FROM outbox',
    'the numbering': 'UPDATE outbox SET pub_seq',
    'the reading': 'SELECT pub_seq, event_id, subject',
    'the acknowledgement': 'INSERT INTO outbox_ack',
    'what is overdue': 'SELECT s.part, o.pub_seq',
    'what may be purged': 'SELECT pub_seq, occurred_at <',
    'the purge': 'DELETE FROM outbox',
    'the lives of the log': 'SELECT MIN(base_seq)',
  },
  harbours: {
    'the positions': 'SELECT p.consumer, p.source, p.part, p.generation',
    'the lease of a line': 'UPDATE inbox_cursor SET crashes',
    'the last death': 'SELECT crash_seq',
    'the step': 'UPDATE inbox_cursor SET until',
    'the blocked subjects': 'SELECT subject FROM inbox_parked',
    'the parking': 'INSERT INTO inbox_parked',
    'the due heads': 'SELECT p.consumer, p.source, p.part, p.pub_seq, p.subject, p.event_id, p.type, p.attempts, p.unfinished FROM (',
    'the next head': 'SELECT p.consumer, p.source, p.part, p.pub_seq, p.subject, p.event_id, p.type, p.attempts, p.unfinished, p.next_at',
    'the claim': 'UPDATE inbox_parked SET attempts',
    'the lock of the head': 'SELECT pub_seq, attempts, replay_id',
    'the removal': 'DELETE FROM inbox_parked WHERE',
    'the verdict': 'UPDATE inbox_parked SET unfinished',
    'the burial': 'UPDATE inbox_parked SET next_at = NULL',
    'the figures': 'SELECT p.consumer, COUNT(*) AS subjects',
    'the step into a new life': 'UPDATE inbox_cursor SET last_event_id',
  },
}

it.each(['ships', 'harbours'] as const)('every statement of the loops is among those that the server of %s has seen', async (of) => {
  const begins = (await sentStatements()).filter((sent) => sent.of === of).map(({ text }) => text)

  const missing = Object.entries(expected[of]).filter(([, begin]) => !begins.some((text) => text.startsWith(begin)))

  expect(missing).toEqual([])
})

/** Tables of a fixed size are read whole; those that grow with the events have many more rows than this. */
const smallTable = 100

it('EV-19: no statement of the loops sorts or reads a table from end to end, however long log and line are', async () => {
  const faults: object[] = []
  for (const { of, text } of await sentStatements())
    for (const { select_type, table, type, key, rows, Extra } of await world.rows(of, `EXPLAIN ${text}`)) {
      const reads = ['ALL', 'index'].includes(String(type)) && Number(rows) > smallTable && select_type !== 'INSERT'
      if (reads || String(Extra).includes('filesort')) faults.push({ text, table, type, key, rows, Extra })
    }

  expect(faults).toEqual([])
})

it('EV-20: the purge deletes at most 1,000 events with a statement, whatever there is to delete', async () => {
  const sent = await world.rows(
    'ships',
    "SELECT argument FROM mysql.general_log WHERE command_type = 'Execute' AND argument LIKE 'DELETE FROM outbox WHERE%'",
  )

  const sizes = sent.map(({ argument }) => {
    const [, first, last] = /BETWEEN (\d+) AND (\d+)/.exec(String(argument)) ?? []
    return Number(last) - Number(first) + 1
  })

  expect(sizes.length).toBeGreaterThan(16)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000)
})
