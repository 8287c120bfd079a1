import { createHash } from 'node:crypto'
import { and, asc, type Column, desc, eq, gt, gte, isNotNull, isNull, like, lt, lte, or, type SQL, sql } from 'drizzle-orm'
import Type, { type Static, type TSchema } from 'typebox'
import { canonicalJson } from './canonical-json.ts'
import { CursorInvalid } from './http-errors.ts'
import { Instant, type PageOf } from './schemas.ts'

/**
 * Lists by keyset: a page begins after the last row of the one before, by value, so that rows which stay are seen exactly once
 * however many others come and go. Never OFFSET.
 */

type Filters = Readonly<Record<string, TSchema>>
type OptionalFilters<F extends Filters> = { [K in keyof F]: ReturnType<typeof Type.Optional<F[K]>> }

const common = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Rows per page' }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000, description: 'nextCursor of the page before' })),
  'createdAt[gte]': Type.Optional(Instant),
  'createdAt[gt]': Type.Optional(Instant),
  'createdAt[lte]': Type.Optional(Instant),
  'createdAt[lt]': Type.Optional(Instant),
  updatedSince: Type.Optional(Instant),
}

/** The query of a list: page, sort, times and its own filters. Whatever else is sent is refused. */
export function listQuery<const F extends Filters>(options: { sorts: readonly string[]; filters: F; defaultSort?: string }) {
  const names = options.sorts.filter((name) => name !== 'id').join('|')
  const pattern = names === '' ? '^-?id$' : `^(?:-?id|-?(?:${names})(?:,-?id)?)$`
  const sort = Type.String({
    pattern,
    default: options.defaultSort ?? 'id',
    description: `Order: ${[...options.sorts, 'id'].join(', ')}; a minus in front turns it round; id decides between equals`,
  })
  const filters = Object.fromEntries(Object.entries(options.filters).map(([name, schema]) => [name, Type.Optional(schema)]))
  return Type.Object({ ...common, sort, ...(filters as OptionalFilters<F>) }, { additionalProperties: false })
}

/** What every list query holds, whatever its filters. */
export interface ListQuery {
  limit: number
  sort: string
  cursor?: string
  'createdAt[gte]'?: Static<typeof Instant>
  'createdAt[gt]'?: Static<typeof Instant>
  'createdAt[lte]'?: Static<typeof Instant>
  'createdAt[lt]'?: Static<typeof Instant>
  updatedSince?: Static<typeof Instant>
}

/** `status=active,suspended`: several values of a set, as a query filter. Read it with `commaValues`. */
export const commaList = (values: readonly string[], description?: string) =>
  Type.String({
    pattern: `^(?:${values.join('|')})(?:,(?:${values.join('|')}))*$`,
    maxLength: 500,
    description: description ?? `One or more of ${values.join(', ')}, separated by commas`,
    ...(values[0] === undefined ? {} : { examples: [values[0]] }),
  })

/** The values of a `commaList`, or undefined when the filter was not sent. */
export function commaValues<const T extends string>(value: string | undefined, values: readonly T[]): T[] | undefined {
  if (value === undefined) return undefined
  const wanted = new Set(value.split(','))
  return values.filter((known) => wanted.has(known))
}

/** The rows whose text begins so. An ASCII column cannot even be compared with other text: the server refuses the statement. */
export function beginsWith(column: Column, text: string): SQL {
  return canHold(column, text) ? like(column, `${text.replace(/[\\%_]/g, '\\$&')}%`) : sql`FALSE`
}

const canHold = (column: Column, text: string): boolean => !/ ascii/.test(column.getSQLType()) || /^\p{ASCII}*$/u.test(text)

export interface KeysetOptions {
  query: ListQuery
  /** Sort name → column; the name is also the member of the rows that holds the value. */
  sorts: Readonly<Record<string, Column>>
  /** The unique column that decides between equals. */
  id: Column
  /** Member of the rows that holds it, when that is not `id`. */
  idMember?: string
  createdAt?: Column
  updatedAt?: Column
}

export interface Keyset {
  /** To be joined to the list's own conditions with `and`. */
  readonly where: SQL | undefined
  readonly orderBy: SQL[]
  /** One row more than the page, which tells whether there is another. */
  readonly limit: number
  page<T extends object>(rows: readonly T[]): PageOf<T>
}

/** Turns the query of a list into SQL, and its rows into a page. Throws CURSOR_INVALID. */
export function keyset(options: KeysetOptions): Keyset {
  const { query, id, idMember = 'id' } = options
  const [first = 'id', second] = query.sort.split(',')
  const descending = first.startsWith('-')
  const name = descending ? first.slice(1) : first
  const column = name === 'id' ? undefined : options.sorts[name]
  if (name !== 'id' && column === undefined) throw new TypeError(`the list offers the sort ${name} but names no column for it`)
  const idDescending = second === undefined ? descending : second.startsWith('-')
  const digest = digestOf(query)

  const conditions = timeConditions(options)
  if (query.cursor !== undefined) {
    const after = readCursor(query.cursor, digest, column, id)
    conditions.push(beyond({ column, descending, id, idDescending, after }))
  }
  const byId = idDescending ? desc(id) : asc(id)
  return {
    where: and(...conditions),
    orderBy: column === undefined ? [byId] : [descending ? desc(column) : asc(column), byId],
    limit: query.limit + 1,
    page: (rows) => {
      const data = rows.slice(0, query.limit)
      const last = data.at(-1)
      const hasMore = rows.length > query.limit
      if (!hasMore || last === undefined) return { data, page: { nextCursor: null, hasMore: false } }
      const value = column === undefined ? null : memberOf(last, name)
      return { data, page: { nextCursor: writeCursor([digest, value, memberOf(last, idMember)]), hasMore: true } }
    },
  }
}

type SortValue = string | number | null
type Cursor = readonly [digest: string, value: SortValue, id: SortValue]

function memberOf(row: object, name: string): SortValue {
  const value: unknown = Reflect.get(row, name)
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  throw new TypeError(`the list sorts by ${name}, but its rows hold no string, number or null of that name`)
}

function timeConditions({ query, createdAt, updatedAt }: KeysetOptions): SQL[] {
  const conditions: SQL[] = []
  const bound = (column: Column | undefined, compare: typeof gte, value: string | undefined): void => {
    if (value === undefined) return
    if (column === undefined) throw new TypeError('the list is asked for a time it names no column for')
    conditions.push(compare(column, new Date(value).toISOString()))
  }
  bound(createdAt, gte, query['createdAt[gte]'])
  bound(createdAt, gt, query['createdAt[gt]'])
  bound(createdAt, lte, query['createdAt[lte]'])
  bound(createdAt, lt, query['createdAt[lt]'])
  bound(updatedAt, gte, query.updatedSince)
  return conditions
}

interface Position {
  column: Column | undefined
  descending: boolean
  id: Column
  idDescending: boolean
  after: { value: SortValue; id: SortValue }
}

/** The rows beyond a position. NULL sorts before every value, so it ends a descending list and begins an ascending one. */
function beyond({ column, descending, id, idDescending, after }: Position): SQL {
  const beyondId = idDescending ? lt(id, after.id) : gt(id, after.id)
  if (column === undefined) return beyondId
  const parts =
    after.value === null
      ? descending
        ? [and(isNull(column), beyondId)]
        : [isNotNull(column), and(isNull(column), beyondId)]
      : descending
        ? [lt(column, after.value), and(eq(column, after.value), beyondId), column.notNull ? undefined : isNull(column)]
        : [gt(column, after.value), and(eq(column, after.value), beyondId)]
  const condition = or(...parts)
  if (condition === undefined) throw new TypeError('a keyset has no condition')
  return condition
}

/** A cursor belongs to one sort and one set of filters. Page size may change on the way. */
function digestOf(query: ListQuery): string {
  const { cursor: _cursor, limit: _limit, ...rest } = query
  return createHash('sha256').update(canonicalJson(rest)).digest('base64url').slice(0, 11)
}

const writeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function readCursor(text: string, digest: string, column: Column | undefined, id: Column): Position['after'] {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch (cause) {
    throw CursorInvalid({}, { cause })
  }
  if (!Array.isArray(parsed) || parsed.length !== 3 || parsed[0] !== digest) throw CursorInvalid()
  const [, value, idValue]: unknown[] = parsed
  const fits = column === undefined ? value === null : isValueOf(column, value)
  if (!fits || !isValueOf(id, idValue) || idValue === null) throw CursorInvalid()
  return { value: column === undefined ? null : value, id: idValue } as Position['after']
}

/** A cursor is no secret, so its values are checked like any input before they become parameters. */
function isValueOf(column: Column, value: unknown): value is SortValue {
  if (value === null) return !column.notNull
  if (column.dataType === 'number') return typeof value === 'number' && Number.isSafeInteger(value)
  if (typeof value !== 'string' || value.length > 500 || !value.isWellFormed() || !canHold(column, value)) return false
  const type = column.getSQLType()
  if (type.startsWith('datetime'))
    return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$/.test(value) && !Number.isNaN(Date.parse(value))
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
  if (type.startsWith('decimal') || type.startsWith('bigint')) return /^-?\d{1,30}(\.\d{1,20})?$/.test(value)
  return true
}
