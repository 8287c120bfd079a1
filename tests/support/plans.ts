import type { SQL } from 'drizzle-orm'
import { sql } from 'drizzle-orm'
import type { Queries } from '#platform/databases.ts'

/** What the server says about a statement: which index of the first table, and whatever else it has to do. */
export async function planOf(db: Queries, statement: { getSQL(): SQL }): Promise<{ key: string | null; extra: string }> {
  const [rows] = await db.execute(sql`EXPLAIN ${statement.getSQL()}`)
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined
  if (typeof row !== 'object' || row === null) throw new Error('the server explained nothing')
  const { key, Extra: extra } = row as { key: unknown; Extra: unknown }
  return { key: typeof key === 'string' ? key : null, extra: String(extra ?? '') }
}
