import { Column, getTableName, is, SQL, Subquery } from 'drizzle-orm'
import { MySqlDialect, MySqlPreparedQuery, type MySqlPreparedQueryConfig, MySqlSession } from 'drizzle-orm/mysql-core'
import { MySql2Database } from 'drizzle-orm/mysql2'
import { fillPlaceholders, type Query } from 'drizzle-orm/sql'
import type { StatementResult } from './database-connection.ts'

/**
 * Drizzle over our own connections. Its stock driver sends text, wraps every error in a message that holds the parameters
 * (passwords among them), and asks each value of each row what it is; this session prepares statements on the server, lets
 * errors through as they are, and works out once per query how its rows are read.
 */

/** The query builder as repositories see it. Its `transaction` is not there: transactions begin with `withTx`. */
export type Queries = Omit<MySql2Database, 'transaction' | '$client'>

/** Sends one statement; rows as arrays when asked. Rejects with errors of the registry or of the server. */
export type Runner = (sql: string, parameters: unknown[], rowsAsArray: boolean) => Promise<StatementResult>

const dialect = new MySqlDialect()

export function createQueries(run: Runner): Queries {
  return new MySql2Database(dialect, new ExecutingSession(run), undefined, 'default')
}

/** The columns of a result, as drizzle hands them over. */
type Selection = NonNullable<Parameters<MySqlSession['prepareQuery']>[1]>
/** For each joined table whether its columns can be trusted not to be null. */
type Joined = Readonly<Record<string, boolean>>

// Drizzle's extension points are classes.
class ExecutingSession extends MySqlSession {
  readonly #run: Runner

  constructor(run: Runner) {
    super(dialect)
    this.#run = run
  }

  override prepareQuery(
    query: Query,
    fields: Selection | undefined,
    customResultMapper?: (rows: unknown[][]) => unknown,
    generatedIds?: Record<string, unknown>[],
    returningIds?: Selection,
  ): never {
    return new ExecutedQuery(this.#run, query, fields, customResultMapper, generatedIds, returningIds) as never
  }

  override async all<T>(query: SQL): Promise<T[]> {
    const { sql, params } = this.dialect.sqlToQuery(query)
    const [rows] = await this.#run(sql, params, false)
    return rows as T[]
  }

  override transaction(): never {
    throw new TypeError('transactions begin with withTx')
  }
}

class ExecutedQuery extends MySqlPreparedQuery<MySqlPreparedQueryConfig> {
  readonly #run: Runner
  readonly #query: Query
  readonly #fields: Selection | undefined
  readonly #mapRows: ((rows: unknown[][]) => unknown) | undefined
  readonly #generatedIds: Record<string, unknown>[] | undefined
  readonly #returningIds: Selection | undefined
  #mapRow: ((row: unknown[]) => unknown) | undefined
  /** Set by drizzle's select builder after construction. */
  joinsNotNullableMap: Joined | undefined

  constructor(
    run: Runner,
    query: Query,
    fields: Selection | undefined,
    mapRows: ((rows: unknown[][]) => unknown) | undefined,
    generatedIds: Record<string, unknown>[] | undefined,
    returningIds: Selection | undefined,
  ) {
    super(undefined, undefined)
    this.#run = run
    this.#query = query
    this.#fields = fields
    this.#mapRows = mapRows
    this.#generatedIds = generatedIds
    this.#returningIds = returningIds
  }

  override async execute(placeholderValues: Record<string, unknown> = {}): Promise<unknown> {
    const parameters = fillPlaceholders(this.#query.params, placeholderValues)
    if (!this.#fields && !this.#mapRows) {
      const result = await this.#run(this.#query.sql, parameters, false)
      return this.#returningIds ? this.#insertedIds(result, this.#returningIds) : result
    }
    const [rows] = await this.#run(this.#query.sql, parameters, true)
    const arrays = rows as unknown[][]
    if (this.#mapRows) return this.#mapRows(arrays)
    this.#mapRow ??= rowMapper(this.#fields ?? [], this.joinsNotNullableMap)
    return arrays.map(this.#mapRow)
  }

  override iterator(): never {
    throw new TypeError('rows are read a page at a time; this session streams nothing')
  }

  #insertedIds([header]: StatementResult, columns: Selection): Record<string, unknown>[] {
    const { insertId, affectedRows } = header as { insertId: number; affectedRows: number }
    return Array.from({ length: affectedRows }, (_, at) => {
      const inserted: Record<string, unknown> = {}
      for (const { path, field } of columns) {
        const name = path[0]
        if (name === undefined || !is(field, Column)) continue
        if (field.primary && 'autoIncrement' in field && field.autoIncrement) inserted[name] = insertId + at
        else if (field.defaultFn) inserted[name] = this.#generatedIds?.[at]?.[name]
      }
      return inserted
    })
  }
}

interface Reader {
  path: readonly string[]
  /** Undefined where the driver's value is already ours. */
  decode: ((value: unknown) => unknown) | undefined
  /** The table whose column this is, when it may be missing in an outer join. */
  table: string | undefined
}

function rowMapper(fields: Selection, joined: Joined | undefined): (row: unknown[]) => unknown {
  const readers = fields.map(readerOf)
  if (readers.every((reader) => reader.path.length === 1)) {
    return (row) => {
      const result: Record<string, unknown> = {}
      for (let at = 0; at < readers.length; at += 1) {
        const reader = readers[at] as Reader
        const value = row[at]
        result[reader.path[0] as string] = value === null || !reader.decode ? value : reader.decode(value)
      }
      return result
    }
  }
  return (row) => nestedRow(row, readers, joined)
}

/** One object per table. A table of an outer join that matched nothing is null, not an object of nulls. */
function nestedRow(row: unknown[], readers: readonly Reader[], joined: Joined | undefined): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  const unmatched = new Map<string, string>()
  const matched = new Set<string>()
  readers.forEach(({ path, decode, table }, at) => {
    const raw = row[at]
    const value = raw === null || !decode ? raw : decode(raw)
    let node = result
    for (const name of path.slice(0, -1)) {
      node[name] ??= {}
      node = node[name] as Record<string, unknown>
    }
    const [group = '', ...rest] = path
    node[path.at(-1) ?? ''] = value
    if (rest.length !== 1) return
    if (value === null && table !== undefined) unmatched.set(group, table)
    else matched.add(group)
  })
  for (const [group, table] of unmatched) if (!matched.has(group) && joined?.[table] === false) result[group] = null
  return result
}

const identity: unknown = Column.prototype.mapFromDriverValue

function readerOf({ path, field }: Selection[number]): Reader {
  if (is(field, Column)) {
    const decode = (field.mapFromDriverValue as unknown) === identity ? undefined : (value: unknown) => field.mapFromDriverValue(value)
    return { path, decode, table: getTableName(field.table) }
  }
  const expression = is(field, SQL) ? field : is(field, Subquery) ? field._.sql : field.sql
  // `decoder` is set by mapWith() and hidden from drizzle's types.
  const { decoder } = expression as unknown as { decoder: { mapFromDriverValue(value: unknown): unknown } }
  return { path, decode: (value) => decoder.mapFromDriverValue(value), table: undefined }
}
