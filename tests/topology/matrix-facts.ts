import { type DatabaseName, databaseNames } from '#platform/config.ts'
import type { TestDatabases } from '#support/databases.ts'
import { firstMaskedId, type Masks } from './matrix-masks.ts'

/** What is read from the databases of a topology, all of which are the same four, wherever their processes are. */

type Row = Readonly<Record<string, unknown>>

async function rows({ settings, asRoot }: TestDatabases, name: DatabaseName, statement: string): Promise<Row[]> {
  const found = await asRoot(statement.replaceAll('$', `\`${settings[name].schema}\`.`), name)
  return Array.isArray(found) ? found : []
}

/** Every table counts from another number, and every topology from others: an id that is not masked is a difference. */
export async function spreadIds(databases: TestDatabases, topology: number): Promise<void> {
  let table = 0
  for (const name of databaseNames) {
    const { schema } = databases.settings[name]
    const found = await databases.asRoot(
      `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = '${schema}' AND extra = 'auto_increment' ORDER BY 1`,
      name,
    )
    for (const row of Array.isArray(found) ? found : []) {
      table += 1
      const first = firstMaskedId + 20_000_000 * table + 1_000_000 * topology
      await databases.asRoot(`ALTER TABLE \`${schema}\`.\`${row.name}\` AUTO_INCREMENT = ${first}`, name)
    }
  }
}

/** Events that are not published, that a consumer has yet to hear, or that none could handle. */
export async function unheardEvents(databases: TestDatabases): Promise<string[]> {
  const heads = new Map<string, number>()
  const left: string[] = []
  for (const name of databaseNames) {
    const unpublished = await rows(databases, name, 'SELECT type FROM $outbox WHERE pub_seq IS NULL')
    left.push(...unpublished.map(({ type }) => `${type} is not published`))
    const parts = await rows(databases, name, 'SELECT source, part, next_seq FROM $outbox_sequence, $event_source')
    for (const { source, part, next_seq } of parts) heads.set(`${source} ${part}`, Number(next_seq) - 1)
  }
  for (const name of databaseNames) {
    const cursors = await rows(databases, name, 'SELECT consumer, source, part, last_seq FROM $inbox_cursor')
    const behind = cursors.filter(({ source, part, last_seq }) => Number(last_seq) < (heads.get(`${source} ${part}`) ?? 0))
    left.push(...behind.map(({ consumer, source, part }) => `${consumer} is behind in ${source} ${part}`))
    const parked = await rows(databases, name, 'SELECT consumer, type, error FROM $inbox_parked')
    left.push(...parked.map(({ consumer, type, error }) => `${consumer} could not handle ${type}: ${error}`))
  }
  return left
}

/** Every event with who said it and what caused it, and every row of the audit trails. */
export async function recordFacts(databases: TestDatabases, masks: Masks): Promise<string[]> {
  const events = new Map<string, Row>()
  const audited: Row[] = []
  for (const name of databaseNames) {
    const found = await rows(databases, name, 'SELECT event_id, type, version, subject, data, meta FROM $outbox ORDER BY id')
    for (const event of found) events.set(String(event.event_id), event)
    audited.push(
      ...(await rows(
        databases,
        name,
        'SELECT action, actor_kind, actor_id, subject, before_values, after_values, reason FROM $audit_log ORDER BY id',
      )),
    )
  }
  const metaOf = (event: Row | undefined): Record<string, unknown> => (event ? parsed(event.meta) : {})
  return [
    ...[...events.values()].map((event) => {
      const { actor, causationId, correlationId } = metaOf(event)
      const cause = events.get(String(causationId))
      return JSON.stringify({
        event: `${event.type}@${event.version}`,
        subject: masks.text(String(event.subject)),
        data: masks.json(parsed(event.data)),
        actor: masks.json(actor),
        causedBy: cause?.type ?? 'request',
        correlatedWith: correlationId === (cause ? metaOf(cause).correlationId : causationId) ? 'its cause' : 'something else',
      })
    }),
    ...audited.map((row) =>
      JSON.stringify({
        audited: row.action,
        by: row.actor_kind,
        actor: masks.json(row.actor_id),
        subject: masks.text(String(row.subject)),
        before: masks.json(parsed(row.before_values)),
        after: masks.json(parsed(row.after_values)),
        reason: row.reason,
      }),
    ),
  ]
}

const parsed = (value: unknown): Record<string, unknown> => (typeof value === 'string' ? JSON.parse(value) : { ...(value ?? {}) })
