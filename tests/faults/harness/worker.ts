import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { openDatabase, type Tx } from '#platform/databases.ts'
import { createBell, createEventStreams, createEvents, createPublisher, defineEvents, type EventsOf, subscribe } from '#platform/events.ts'
import { createMetrics } from '#platform/metrics.ts'
import { createRedis } from '#platform/redis.ts'
import {
  consumerName,
  type Delivering,
  type Fate,
  type Order,
  type Publishing,
  partitionOfShip,
  type Report,
  type Task,
} from './protocol.ts'
import { createRandom } from './random.ts'

const fleetEvents = defineEvents('ship', {
  'ship.moved': { version: 1, aggregate: 'ship', data: Type.Object({ ship: Type.Integer(), mark: Type.String(), fate: Type.String() }) },
})
type FleetEvents = EventsOf<typeof fleetEvents>
type HarbourTx = Tx<'customer_service_db'>

/**
 * One process of a fleet: publishes, delivers or both, with the real machinery, and reports on its standard output. It exists
 * to be killed, stopped, ended and started again.
 */
const task: Task = JSON.parse(process.argv[2] ?? '')
const random = createRandom(task.seed)

// Pipes are written synchronously on Linux: what was said before a kill has been said.
const say = (report: Report): void => void process.stdout.write(`${JSON.stringify(report)}\n`)
const write = (level: 'warn' | 'error') => (fields: object, message: string) => {
  const cause = 'error' in fields ? fields.error : 'err' in fields ? fields.err : ''
  say({ kind: 'log', level, message, error: describe(cause) })
}
const log = { info: () => {}, warn: write('warn'), error: write('error') }

const ships = openDatabase('shared_user_db', task.ships, { log })
const harbours = openDatabase('customer_service_db', task.harbours, { log })
const bell = createBell()
const publish = createPublisher(fleetEvents, 'shared_user_db', bell)
const redis = task.redis && createRedis(task.redis, { log })
const far = redis && { redis, streams: createEventStreams(redis.forModule('ev')) }
const events = createEvents({ bell, metrics: createMetrics({ process: false }), log, ...far })
const enough = Promise.withResolvers<void>()
let publishing = true
let mended = false

// Where another process hosts the ships, their source is found by the name of a module.
const contract = { ...fleetEvents, module: 'user' }
events.register({ database: task.hosts === 'harbours' ? undefined : ships, contract, subscriptions: task.redis && [lookout()] })
if (task.delivers) events.register({ database: harbours, subscriptions: [bookkeeping(task.delivers)] })

const orders = createInterface({ input: process.stdin })
orders.on('line', (order: Order | string) => {
  if (order === 'enough') {
    publishing = false
    enough.resolve()
  }
  if (order === 'mended') mended = true
})
// Nobody listens any more.
orders.on('close', () => process.exit(1))

let lanes: Promise<void>[] = []
say({ kind: 'starting' })
const started = events.start()
// From here on, not from the end of the start: the first handlers run before that.
process.once('SIGTERM', async () => {
  publishing = false
  await Promise.all(lanes)
  await events.stop()
  await Promise.all([ships.close(), harbours.close(), redis?.close()])
  process.exit(0)
})
await started
say({ kind: 'ready' })
if (task.publishes && publishing) lanes = startPublishing(task.publishes)
void enough.promise.then(() => Promise.all(lanes)).then(() => say({ kind: 'silent' }))

function startPublishing(settings: Publishing): Promise<void>[] {
  const paceMs = settings.perSecond === undefined ? 0 : (1_000 * settings.lanes) / settings.perSecond
  let count = 0
  const nextMark = (): string => {
    count += 1
    return `${task.name}-${count}`
  }
  const scripted = sayFirst(settings, nextMark)
  return Array.from({ length: settings.lanes }, async () => {
    await scripted
    while (publishing) {
      await attempt(nextMark(), chooseShip(settings), chooseFate(settings.fates), settings)
      if (paceMs > 0) await pause(paceMs)
    }
  })
}

async function sayFirst({ first = [], ...settings }: Publishing, nextMark: () => string): Promise<void> {
  for (const { ship, fate } of first) await attempt(nextMark(), ship, fate, { ...settings, rolledBack: 0, late: 0, deadly: 0 })
}

/** A fifth of the traffic goes to ten ships, so that transactions of one subject meet. */
function chooseShip({ subjects, avoids }: Publishing): number {
  for (;;) {
    const ship = 1 + (random.chance(0.2) ? random.below(Math.min(10, subjects)) : random.below(subjects))
    if (partitionOfShip(ship) !== avoids) return ship
  }
}

/**
 * One change and its event, published before the row of its ship is locked: the careless way round, in which only the
 * publisher's own lock keeps the order. Whatever chance decides is decided before: the function may run more than once.
 */
async function attempt(mark: string, ship: number, fate: Fate, { rolledBack, late, deadly }: Publishing): Promise<void> {
  const end = random.chance(deadly) ? 'death' : random.chance(rolledBack) ? 'rollback' : undefined
  const endsAt = end && random.below(4)
  const waitsAt = random.chance(late) ? 1 + random.below(3) : undefined
  const waitMs = random.between(10, 100)
  const point = async (number: number): Promise<void> => {
    if (number === waitsAt) await pause(waitMs)
    if (number !== endsAt) return
    if (end === 'death') process.kill(process.pid, 'SIGKILL')
    throw new Error('rolled back')
  }
  try {
    const step = await ships.requests.withTx(async (tx) => {
      await point(0)
      await publish(tx, 'ship.moved', ship, { ship, mark, fate })
      await point(1)
      const [moved] = await tx.db.execute(sql`UPDATE ship SET step = LAST_INSERT_ID(step + 1) WHERE id = ${ship}`)
      await point(2)
      await tx.db.execute(sql`INSERT INTO voyage (mark, ship, step) VALUES (${mark}, ${ship}, ${moved.insertId})`)
      await point(3)
      return Number(moved.insertId)
    })
    say({ kind: 'acknowledged', mark, ship, step, at: Date.now() })
  } catch (error) {
    if (error instanceof Error && error.message === 'rolled back') say({ kind: 'undone', mark })
    else {
      say({ kind: 'unknown', mark })
      await pause(20)
    }
  }
}

function chooseFate(fates: Publishing['fates']): Fate {
  let rest = random.next()
  for (const fate of ['fails', 'fails twice'] as const) {
    rest -= fates[fate] ?? 0
    if (rest < 0) return fate
  }
  return 'plain'
}

/** Writes a line into the harbour's book for each event; a second line for one event would be a second effect. */
function bookkeeping({ handlerMs = 0, waitsInAttempt }: Delivering) {
  let hasWaited = waitsInAttempt === undefined
  return subscribe<FleetEvents, HarbourTx>(consumerName, {
    'ship.moved@1': async (tx, { data: { mark, fate } }, run) => {
      say({ kind: 'executed', mark })
      if (!mended) suffer(mark, fate, run.attempt)
      if (handlerMs > 0) await pause(handlerMs)
      if (!hasWaited && run.attempt !== waitsInAttempt) throw new Error(`${mark} fails before it waits`)
      await tx.db.execute(sql`INSERT INTO book (mark) VALUES (${mark})`)
      if (hasWaited) return
      hasWaited = true
      say({ kind: 'waiting', mark })
      await pause(1_000)
    },
  })
}

/** Hears in the process that publishes, whatever becomes of Redis. */
function lookout() {
  return subscribe<FleetEvents, Tx<'shared_user_db'>>('ship.lookout', {
    'ship.moved@1': async (_tx, { data: { mark } }) => say({ kind: 'seen', mark, at: Date.now() }),
  })
}

function suffer(mark: string, fate: string, attempt: number): void {
  const kills = fate === 'kills' || (fate === 'kills when parked' && attempt > 1)
  if (kills) process.kill(process.pid, 'SIGKILL')
  const fails = fate === 'fails' || (fate === 'fails twice' && attempt <= 2) || fate === 'kills when parked'
  if (fails) throw new Error(`${mark} ${fate}`)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`
}
