import { int, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import type { Static } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { memoryLog } from '#support/http.ts'
import { instant } from './columns.ts'
import { type Database, openDatabase } from './databases.ts'
import { commaList, commaValues, keyset, type ListQuery, listQuery } from './lists.ts'
import { Id } from './schemas.ts'
import { validatorOf } from './validation.ts'

/** A table of a hundred rows with equal values and NULLs in its sorts, so that every kind of page border occurs. */
const rows = mysqlTable('list_rows', {
  id: int('id').autoincrement().primaryKey(),
  name: varchar('name', { length: 40 }),
  createdAt: instant('created_at').notNull(),
})

let databases: TestDatabases
let database: Database<'customer_service_db'>

beforeAll(async () => {
  databases = await createTestDatabases()
  const { schema, username } = databases.settings.customer_service_db
  await databases.asRoot(
    `CREATE TABLE \`${schema}\`.list_rows (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, created_at DATETIME(3) NOT NULL, KEY by_name (name, id), KEY by_time (created_at, id))`,
  )
  await databases.asRoot(`GRANT SELECT, INSERT, UPDATE, DELETE ON \`${schema}\`.list_rows TO '${username}'@'%'`)
  database = openDatabase('customer_service_db', databases.settings.customer_service_db, { log: memoryLog() })
  await database.requests.db.insert(rows).values(
    Array.from({ length: 100 }, (_, index) => ({
      name: index % 10 === 0 ? null : `name-${index % 7}`,
      createdAt: `2026-01-01T00:00:${String(index % 30).padStart(2, '0')}.500Z`,
    })),
  )
})
afterAll(async () => {
  await database.close()
  await databases.drop()
})

async function pageOf(query: ListQuery) {
  const list = keyset({ query, sorts: { name: rows.name, createdAt: rows.createdAt }, id: rows.id, createdAt: rows.createdAt })
  const found = await database.requests.db
    .select()
    .from(rows)
    .where(list.where)
    .orderBy(...list.orderBy)
    .limit(list.limit)
  return list.page(found)
}

async function walk(query: ListQuery, between: () => Promise<void> = async () => {}) {
  const seen: { id: number; name: string | null; createdAt: string }[] = []
  let cursor: string | null | undefined
  do {
    const { data, page } = await pageOf({ ...query, ...(cursor ? { cursor } : {}) })
    seen.push(...data)
    cursor = page.nextCursor
    await between()
  } while (cursor)
  return seen
}

const sorts = ['id', '-id', 'name', '-name', 'createdAt', '-createdAt', 'name,-id', '-name,id', '-createdAt,id']

describe('walking a list', () => {
  it.each(sorts)('by %s shows every row once, in the order of the database', async (sort) => {
    const walked = await walk({ limit: 7, sort })
    const whole = await walk({ limit: 200, sort })

    expect(walked.map(({ id }) => id)).toEqual(whole.map(({ id }) => id))
    expect(new Set(walked.map(({ id }) => id)).size).toBe(100)
  })

  it.each(['name', '-name', '-createdAt'])('by %s shows every row that stays exactly once while others come and go', async (sort) => {
    const before = (await walk({ limit: 200, sort })).map(({ id }) => id)
    const passing: number[] = []

    const seen = await walk({ limit: 9, sort }, async () => {
      const [{ insertId }] = await database.requests.db
        .insert(rows)
        .values({ name: `name-${passing.length % 9}`, createdAt: '2026-01-01T00:00:10.500Z' })
      passing.push(insertId)
    })

    expect(seen.map(({ id }) => id).filter((id) => before.includes(id))).toEqual(before)
    await databases.asRoot(`DELETE FROM \`${databases.settings.customer_service_db.schema}\`.list_rows WHERE id > 100`)
  })

  it('says on the last page that there is no other, also when it is full', async () => {
    expect((await pageOf({ limit: 100, sort: 'id' })).page).toEqual({ nextCursor: null, hasMore: false })
    expect((await pageOf({ limit: 99, sort: 'id' })).page.hasMore).toBe(true)
  })

  it('keeps to the times it is asked for', async () => {
    const found = await walk({
      limit: 200,
      sort: 'id',
      'createdAt[gte]': '2026-01-01T01:00:10.500+01:00',
      'createdAt[lt]': '2026-01-01T00:00:12.500Z',
    })

    expect(new Set(found.map(({ createdAt }) => createdAt))).toEqual(new Set(['2026-01-01T00:00:10.500Z', '2026-01-01T00:00:11.500Z']))
  })
})

describe('a cursor', () => {
  const cursorOf = async (query: ListQuery): Promise<string> => (await pageOf(query)).page.nextCursor ?? ''
  const refused = (query: ListQuery) => expect(pageOf(query)).rejects.toMatchObject({ code: 'CURSOR_INVALID', status: 400 })
  const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')

  it('may go on with another page size', async () => {
    const cursor = await cursorOf({ limit: 5, sort: 'id' })

    expect((await pageOf({ limit: 9, sort: 'id', cursor })).data[0]?.id).toBe(6)
  })

  it('belongs to one sort and one set of filters', async () => {
    const cursor = await cursorOf({ limit: 5, sort: 'name' })

    await refused({ limit: 5, sort: '-name', cursor })
    await refused({ limit: 5, sort: 'name', cursor, 'createdAt[gte]': '2026-01-01T00:00:00.000Z' })
  })

  it.each(['x', '', 'bnVsbA', 'W10', '\u0000'])('is refused when it is %j', async (cursor) => {
    await refused({ limit: 5, sort: 'id', cursor })
  })

  it('is refused when its values have another type than the columns, whoever computed its digest', async () => {
    const [digest] = JSON.parse(Buffer.from(await cursorOf({ limit: 5, sort: 'createdAt' }), 'base64url').toString()) as [string]

    for (const parts of [
      [digest, 0, 5],
      [digest, 'soon', 5],
      [digest, '2026-01-01T00:00:00.500Z', '5 OR 1=1'],
      [digest, { a: 1 }, 5],
      [digest, null, 5],
      [digest, '2026-01-01T00:00:00.500Z', null],
    ]) {
      await refused({ limit: 5, sort: 'createdAt', cursor: forged(...parts) })
    }
  })
})

describe('the query of a list', () => {
  const query = listQuery({ sorts: ['name', 'createdAt'], filters: { status: commaList(['active', 'closed']), userId: Id } })
  const accepts = (value: object) => validatorOf(query)(value)

  it.each(['name', '-name', 'id', '-id', 'createdAt,-id'])('takes the sort %s', (sort) => {
    expect(accepts({ sort })).toBe(true)
  })

  it.each(['names', '--name', 'name,createdAt', 'name,', 'password', 'id,name'])('refuses the sort %s', (sort) => {
    expect(accepts({ sort })).toBe(false)
  })

  it('has a page size and an order when none are asked for', () => {
    const empty: Partial<Static<typeof query>> = {}

    expect(accepts(empty)).toBe(true)
    expect(empty).toEqual({ limit: 50, sort: 'id' })
  })

  it.each([{ limit: 0 }, { limit: 201 }, { status: 'active,' }, { status: 'gone' }, { userId: 0 }, { other: 1 }])('refuses %j', (value) => {
    expect(accepts(value)).toBe(false)
  })

  it('reads several values in one', () => {
    expect(commaValues('closed,active,closed', ['active', 'closed'])).toEqual(['active', 'closed'])
    expect(commaValues(undefined, ['active'])).toBeUndefined()
  })
})
