import { type SQL, sql } from 'drizzle-orm'
import { type EventDeclaration, typeOf } from '#platform/event-contracts.ts'
import { outbox } from '#platform/tables.ts'
import { personalPaths } from './masking.ts'

/**
 * Events whose contents hold the text, whatever its case. Looked into is what an operator is shown: a search that found masked
 * fields would tell them letter by letter. Contents that no schema describes are shown without any text, so none is found there.
 */
export function holds(text: string, declarations: ReadonlyMap<string, EventDeclaration>): SQL {
  if (declarations.size === 0) return sql`FALSE`
  const shown = sql.join(
    [...declarations].map(([key, { version, data }]) => sql`WHEN ${typeIs(key, version)} THEN ${withoutPaths(personalPaths(data))}`),
    sql` `,
  )
  // Payloads are JSON, so the text is looked for as JSON writes it.
  const written = JSON.stringify(text.toLowerCase()).slice(1, -1)
  return sql`LOWER(CAST(CASE ${shown} END AS CHAR)) LIKE ${`%${written.replace(/[\\%_]/g, '\\$&')}%`}`
}

const typeIs = (key: string, version: number): SQL => {
  return sql`${outbox.type} = ${typeOf(key)} AND ${outbox.version} = ${version}`
}

function withoutPaths(paths: readonly string[]): SQL {
  if (paths.length === 0) return sql`${outbox.data}`
  return sql`JSON_REMOVE(${outbox.data}, ${sql.join(
    paths.map((path) => sql`${path}`),
    sql`, `,
  )})`
}
