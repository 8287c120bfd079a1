import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { bearer, httpNeeds, memoryLog } from '#support/http.ts'
import { type Context, runInContext } from './context.ts'
import { type Database, openDatabase } from './databases.ts'
import { accepted, answers, created, createHttp, type Http, type ModuleRoutes } from './http.ts'
import { FieldImmutable } from './http-errors.ts'
import { createIdempotency, keyedRequest, type StoredAnswer, sweepIdempotencyKeys } from './idempotency.ts'
import { system } from './principal.ts'
import { auditLog } from './tables.ts'

/** The effect of these tests is a row of the audit log: a table that every database has. */
const Thing = Type.Object({ id: Type.Integer(), name: Type.String(), version: Type.Integer() }, { additionalProperties: false })

let databases: TestDatabases
let database: Database<'customer_service_db'>
const surfaces: Http[] = []
let runs = 0

beforeAll(async () => {
  databases = await createTestDatabases({ poolSize: 12 })
  database = openDatabase('customer_service_db', databases.settings.customer_service_db, { log: memoryLog() })
})
afterEach(async () => {
  await Promise.all(surfaces.splice(0).map(({ app }) => app.close()))
})
afterAll(async () => {
  await database.close()
  await databases.drop()
})

const routes =
  (pause: () => Promise<void>): ModuleRoutes =>
  async (app) => {
    app.post(
      '/v1/things',
      {
        schema: {
          operationId: 'createThing',
          summary: 'Create',
          tags: ['test'],
          body: Type.Object({ name: Type.String() }, { additionalProperties: false }),
          response: answers({ 201: Thing }),
        },
        config: {
          access: 'authenticated',
          database: 'customer_service_db',
          answer: created<{ id: number }>(({ id }) => `/v1/things/${id}`),
        },
        bodyLimit: 1_000,
      },
      async (request) => {
        if (request.body.name === 'refused') throw FieldImmutable({ path: '/name' })
        return database.requests.withTx(async (tx) => {
          runs += 1
          const { name } = request.body
          const [{ insertId }] = await tx.db.insert(auditLog).values({
            at: new Date().toISOString(),
            action: 'thing.created',
            actorKind: 'user',
            subject: `thing/${name}`,
            requestId: request.id,
          })
          await pause()
          if (name === 'rolled back') throw new Error('rolled back')
          return { id: insertId, name, version: 1 }
        })
      },
    )
    app.post(
      '/v1/jobs',
      {
        schema: { operationId: 'createJob', summary: 'Job', tags: ['test'], response: answers({ 201: Thing }) },
        config: { access: 'authenticated', database: 'customer_service_db', idempotency: 'required' },
      },
      async () => ({ id: 1, name: 'job', version: 1 }),
    )
  }

/** Each call is a process of its own, as far as this file is concerned: nothing but the database is shared. */
async function surface(pause: () => Promise<void> = async () => {}) {
  const http = createHttp(httpNeeds({ idempotency: createIdempotency({ customer_service_db: database.requests }) }))
  surfaces.push(http)
  await http.app.register(routes(pause))
  await http.app.ready()
  return (name: string, key: string | undefined, user = 1) =>
    http.app.inject({
      method: 'POST',
      url: '/v1/things',
      payload: { name },
      headers: { authorization: bearer(user), ...(key === undefined ? {} : { 'idempotency-key': key }) },
    })
}

async function effects(name: string): Promise<number> {
  const [row] = await database.requests.db
    .select({ count: sql<string>`COUNT(*)` })
    .from(auditLog)
    .where(sql`${auditLog.subject} = ${`thing/${name}`}`)
  return Number(row?.count)
}

describe('where only the request tells which database it writes to', () => {
  const names = ['customer_service_db', 'carrier_service_db'] as const

  /** Writes where the body says, and tries only when it says nothing. */
  async function anywhere() {
    const carriers = openDatabase('carrier_service_db', databases.settings.carrier_service_db, { log: memoryLog() })
    onTestFinished(() => carriers.close())
    const stores = { customer_service_db: database.requests, carrier_service_db: carriers.requests }
    const http = createHttp(httpNeeds({ idempotency: createIdempotency(stores) }))
    surfaces.push(http)
    const made: string[] = []
    const route: ModuleRoutes = async (app) => {
      app.post(
        '/v1/things',
        {
          schema: {
            operationId: 'createThing',
            summary: 'Create',
            tags: ['test'],
            body: Type.Object({ name: Type.String() }, { additionalProperties: false }),
            response: answers({ 200: Thing, 202: Thing }),
          },
          config: {
            access: 'authenticated',
            database: names,
            answer: accepted<{ id: number }>(({ id }) => (id === 0 ? undefined : `/v1/things/${id}`)),
          },
          bodyLimit: 1_000,
        },
        async ({ body: { name } }) => {
          const database = names.find((each) => each === name)
          if (database === undefined) return { id: 0, name, version: 1 }
          return stores[database].withTx(async () => ({ id: made.push(name), name, version: 1 }))
        },
      )
    }
    await http.app.register(route)
    await http.app.ready()
    const send = async (name: string, key: string) => {
      const headers = { authorization: bearer(1), 'idempotency-key': key }
      const { statusCode, headers: sent } = await http.app.inject({ method: 'POST', url: '/v1/things', payload: { name }, headers })
      return [statusCode, sent.location, sent['idempotent-replayed']]
    }
    return { send, made }
  }

  it('the key is kept there, and known whichever it was', async () => {
    const { send, made } = await anywhere()

    for (const name of names) {
      const location = `/v1/things/${made.length + 1}`
      expect(await send(name, `key-${name}`)).toEqual([202, location, undefined])
      expect(await send(name, `key-${name}`)).toEqual([202, location, 'true'])
    }
    expect(made).toEqual(names)
    expect((await send('carrier_service_db', 'key-customer_service_db'))[0]).toBe(422)
  })

  it('what writes nowhere is answered plainly, and uses up no key', async () => {
    const { send } = await anywhere()

    expect(await send('nowhere', 'tried')).toEqual([200, undefined, undefined])
    expect(await send('customer_service_db', 'tried')).toEqual([202, '/v1/things/1', undefined])
  })
})

describe('a request with an Idempotency-Key', () => {
  it('has one effect however often and however parallel it is sent: 20 keys, 20 times each', async () => {
    const create = await surface()
    const keys = Array.from({ length: 20 }, (_, index) => `parallel-${index}`)

    const answered = await Promise.all(keys.flatMap((key) => Array.from({ length: 20 }, () => create(key, key))))

    expect(new Set(answered.map(({ statusCode }) => statusCode))).toEqual(new Set([201]))
    expect(await Promise.all(keys.map(effects))).toEqual(keys.map(() => 1))
    for (const key of keys) expect(new Set(answered.filter(({ body }) => body.includes(`"${key}"`)).map(({ body }) => body)).size).toBe(1)
  })

  it('has one effect when several processes get it at the same moment', async () => {
    const processes = await Promise.all([surface(), surface(), surface(), surface()])
    const keys = Array.from({ length: 20 }, (_, index) => `race-${index}`)

    for (const key of keys) {
      const answered = await Promise.all(processes.map((create) => create(key, key)))

      expect(answered.map(({ statusCode }) => statusCode)).toEqual([201, 201, 201, 201])
      expect(new Set(answered.map(({ body }) => body)).size).toBe(1)
      expect(await effects(key)).toBe(1)
    }
  })

  it('gets the first answer from another process, with its address and version, and is told so', async () => {
    const [first, again] = [await (await surface())('again', 'k-again'), await (await surface())('again', 'k-again')]

    expect(again.statusCode).toBe(201)
    expect(again.body).toBe(first.body)
    expect([again.headers.location, again.headers.etag, again.headers['content-type']]).toEqual([
      first.headers.location,
      first.headers.etag,
      first.headers['content-type'],
    ])
    expect([first.headers['idempotent-replayed'], again.headers['idempotent-replayed']]).toEqual([undefined, 'true'])
    expect(await effects('again')).toBe(1)
  })

  it('is refused with another body', async () => {
    const create = await surface()
    await create('one', 'k-body')

    const other = await create('two', 'k-body')

    expect([other.statusCode, other.json().code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    expect(await effects('two')).toBe(0)
  })

  it('is another request when another caller sends it', async () => {
    const create = await surface()

    await Promise.all([create('shared', 'k-actor', 1), create('shared', 'k-actor', 2)])

    expect(await effects('shared')).toBe(2)
  })

  it('is told to wait while the first is at work, in this process and in another', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let working = (): void => {}
    const begun = new Promise<void>((resolve) => {
      working = resolve
    })
    const slow = await surface(async () => {
      working()
      await held
    })
    const other = await surface()
    const first = slow('slow', 'k-slow')
    await begun

    const [here, there] = await Promise.all([slow('slow', 'k-slow'), other('slow', 'k-slow')])
    release()

    for (const answer of [here, there])
      expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS', '1'])
    expect((await first).statusCode).toBe(201)
    expect((await other('slow', 'k-slow')).headers['idempotent-replayed']).toBe('true')
    expect(await effects('slow')).toBe(1)
  })

  it('can be sent again after a refusal or a rollback, because nothing was kept', async () => {
    const create = await surface()
    const before = runs

    const refused = [await create('refused', 'k-refused'), await create('refused', 'k-refused')]
    const rolledBack = [await create('rolled back', 'k-rolled'), await create('rolled back', 'k-rolled')]

    expect([...refused, ...rolledBack].map(({ statusCode, headers }) => [statusCode, headers['idempotent-replayed']])).toEqual([
      [422, undefined],
      [422, undefined],
      [500, undefined],
      [500, undefined],
    ])
    expect(runs - before).toBe(2)
    expect(await databases.count('customer_service_db', 'idempotency_keys')).toBeGreaterThan(0)
    expect(await effects('rolled back')).toBe(0)
  })

  it('is a new request after a day', async () => {
    const create = await surface()
    await create('old', 'k-old')
    await databases.asRoot(
      `UPDATE \`${databases.settings.customer_service_db.schema}\`.idempotency_keys SET created_at = created_at - INTERVAL 25 HOUR`,
    )

    const again = await create('old', 'k-old')

    expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([201, undefined])
    expect(await effects('old')).toBe(2)
  })

  describe('whose commit got no answer', () => {
    const keyed = (key: string) =>
      keyedRequest(['customer_service_db'], { principal: system, method: 'POST', path: '/', params: {}, body: {}, key })
    const render = (made: unknown): StoredAnswer => ({ status: 201, body: JSON.stringify(made), location: null, etag: null })
    const process = (key: string, call: (context: Context) => Promise<unknown>) => {
      const context: Context = { requestId: 'settling', principal: system }
      return createIdempotency({ customer_service_db: database.requests }).carry(keyed(key), context, render, () => call(context))
    }
    const commit = (id: number) => (context: Context) => runInContext(context, () => database.requests.withTx(async () => ({ id })))
    /** What the guard says about a transaction that was rolled back instead. */
    const settled = async ({ once }: Context) => {
      await database.requests
        .withTx(async (tx) => {
          await once?.end(tx, { id: 1 })
          throw new Error('the commit never reached the server')
        })
        .catch(() => {})
      return once?.settle(database.requests.db)
    }

    it('is stored when its own record is there', async () => {
      const unanswered = async (context: Context) => {
        await commit(1)(context)
        return context.once?.settle(database.requests.db)
      }

      expect(await process('k-settle', unanswered)).toMatchObject({ result: true })
    })

    it('is not taken for stored because of a record from the day before', async () => {
      await process('k-settle-old', commit(1))
      await databases.asRoot(
        `UPDATE \`${databases.settings.customer_service_db.schema}\`.idempotency_keys SET created_at = created_at - INTERVAL 25 HOUR`,
      )

      expect(await process('k-settle-old', settled)).toMatchObject({ result: false })
    })

    it('is not taken for stored because of the record of a repeat that was faster', async () => {
      const overtaken = async (context: Context) => {
        await process('k-settle-fast', commit(2))
        return settled(context)
      }

      expect(await process('k-settle-fast', overtaken)).toMatchObject({ result: false })
    })
  })

  it('leaves no record for ever', async () => {
    const create = await surface()
    await create('purged', 'k-purged')
    await databases.asRoot(
      `UPDATE \`${databases.settings.customer_service_db.schema}\`.idempotency_keys SET created_at = created_at - INTERVAL 25 HOUR`,
    )

    const sweep = sweepIdempotencyKeys([database.requests], memoryLog(), 20)

    await expect.poll(() => databases.count('customer_service_db', 'idempotency_keys')).toBe(0)
    sweep.stop()
  })

  it.each(['', 'a'.repeat(256), 'sch\u00f6n'])('is refused when the key is %j', async (key) => {
    const answer = await (await surface())('key', key)

    expect([answer.statusCode, answer.json().code]).toEqual([400, 'IDEMPOTENCY_KEY_INVALID'])
  })

  it('is asked for where it is required, with the line to add', async () => {
    await surface()
    const answer = await surfaces[0]?.app.inject({ method: 'POST', url: '/v1/jobs', headers: { authorization: bearer(1) } })

    expect([answer?.statusCode, answer?.json().code]).toEqual([400, 'IDEMPOTENCY_KEY_REQUIRED'])
    expect(answer?.json().detail).toContain('Idempotency-Key: ')
  })
})

it('without a key every request is one of its own', async () => {
  const create = await surface()

  await Promise.all([create('keyless', undefined), create('keyless', undefined)])

  expect(await effects('keyless')).toBe(2)
})
