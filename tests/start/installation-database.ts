import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { databases } from '../../scripts/start/environment.ts'

type Prefix = (typeof databases)[number]['prefix']

/** Rows of a database of an installation, read as its module would. */
export async function rowsOf(dataDir: string, prefix: Prefix, sql: string): Promise<Record<string, unknown>[]> {
  const settings = parseEnv(readFileSync(join(dataDir, 'env'), 'utf8'))
  const { account, name } = databases.find((database) => database.prefix === prefix) ?? {}
  const connection = await createConnection({
    host: '127.0.0.1',
    port: Number(settings[`${prefix}_PORT`]),
    user: account ?? '',
    password: settings[`${prefix}_PASSWORD`] ?? '',
    database: name ?? '',
  })
  try {
    const [rows] = await connection.query(sql)
    return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : []
  } finally {
    await connection.end()
  }
}
