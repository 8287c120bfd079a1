import { databaseNames, sourceOf } from '#platform/database-names.ts'
import type { Database, DatabaseName } from '#platform/databases.ts'
import type { Exchange } from '#platform/exchange.ts'
import { ModuleUnavailable } from '#platform/health-routes.ts'
import { isModuleName, moduleTable, ownerOf } from '#platform/module-table.ts'
import { createConsumerDesk } from './desk-consumers.ts'
import { type DeskOperations, deskContract, type Subscribed } from './desk-contract.ts'
import { createLogDesk } from './desk-log.ts'
import { createParkedDesk } from './desk-parked.ts'
import { guarded, shared } from './desk-sharing.ts'
import { ConsumerNotFound } from './errors.ts'
import { hostedIn, type KnownEvents } from './hosted.ts'

/** Where to ask for what: a desk for every database of the system, in this process or the one that hosts it. */
export interface Desks {
  readonly all: readonly Desk[]
  /** Those at which the consumer can be: that of its module, or any, when its name tells none. */
  of(consumer: string): readonly Desk[]
  /** The consumer as a module subscribes it, and its desk. Throws CONSUMER_NOT_FOUND. */
  subscribed(consumer: string): Promise<{ desk: Desk; consumer: Subscribed }>
  /** Throws MODULE_UNAVAILABLE when no process is known that hosts it. */
  named(source: string): Desk
}

export interface Desk extends DeskOperations {
  readonly database: DatabaseName
  /** As events name it. */
  readonly source: string
}

export interface DesksNeeds {
  events: KnownEvents
  /** Those of this process. */
  databases: readonly Database<DatabaseName>[]
  /** Absent: there is no other process. */
  exchange?: Pick<Exchange, 'offer'> | undefined
}

export function createDesks({ events, databases, exchange }: DesksNeeds): Desks {
  const all = databaseNames.flatMap((name): Desk[] => {
    const database = databases.find((each) => each.name === name)
    const desk = database && guarded(createDesk(events, database), permissions)
    const asked = exchange ? shared(exchange, deskContract(ownerOf(name)), desk) : desk
    return asked ? [{ ...asked, database: name, source: sourceOf(name) }] : []
  })

  function of(consumer: string): readonly Desk[] {
    const here = all.filter(({ database }) => hostedIn(events, database).some(({ name }) => name === consumer))
    const [module = ''] = consumer.split('.')
    const there = isModuleName(module) ? all.filter(({ database }) => database === moduleTable[module].database) : []
    return [here, there, all].find((desks) => desks.length > 0) ?? []
  }

  return {
    all,
    of,
    async subscribed(name) {
      const asked = await Promise.all(of(name).map(async (desk) => ({ desk, consumers: await desk.subscribed({}) })))
      for (const { desk, consumers } of asked) for (const consumer of consumers) if (consumer.name === name) return { desk, consumer }
      throw ConsumerNotFound({ id: name })
    },
    named(source) {
      const found = all.find((desk) => desk.source === source)
      if (!found) throw ModuleUnavailable({ module: source })
      return found
    },
  }
}

const createDesk = (events: KnownEvents, database: Database<DatabaseName>): DeskOperations => ({
  ...createLogDesk(events, database),
  ...createParkedDesk(events, database),
  ...createConsumerDesk(events, database),
})

const reading = ['event:read', 'event:replay', 'ops:write']
const mending = ['event:replay']
const steering = ['ops:write']

/** What a desk asks of whoever is at work, wherever the request came in. Parts of an answer are read for changes as well. */
const permissions: Readonly<Record<keyof DeskOperations, readonly string[]>> = {
  listEvents: reading,
  findEvent: reading,
  findParked: reading,
  heads: reading,
  subscribed: reading,
  hearers: reading,
  listConsumers: reading,
  listDead: reading,
  groupDead: reading,
  countDead: reading,
  extents: reading,
  countStretch: reading,
  readStretch: reading,
  intervene: mending,
  reviveDead: mending,
  changeConsumer: steering,
  beginGeneration: steering,
}
