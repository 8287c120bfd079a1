import Type from 'typebox'
import { expect, test } from 'vitest'
import type { Tx } from './databases.ts'
import { createPublisher, defineEvents, type EventsOf, type Publisher, type Subscriptions, subscribe } from './events.ts'
import { Id } from './schemas.ts'

const userEvents = defineEvents('user', {
  'user.created': { version: 1, aggregate: 'user', data: Type.Object({ userId: Id, email: Type.String() }) },
  'user.suspended': { version: 1, aggregate: 'user', data: Type.Object({ userId: Id }) },
  'user.suspended@2': { version: 2, aggregate: 'user', data: Type.Object({ userId: Id, until: Type.String() }) },
  'user.merged@3': { version: 3, aggregate: 'user', data: Type.Object({ into: Id }) },
})
type UserEvents = EventsOf<typeof userEvents>
type UserTx = Tx<'shared_user_db'>
const bell = { ringCommitted: () => {} }
const publish: Publisher<UserEvents, UserTx> = createPublisher(userEvents, 'shared_user_db', bell)

test('EV-02: the compiler refuses to publish a foreign event, unfit data, in another database or without a transaction', () => {
  const attempts = (tx: UserTx, foreign: Tx<'customer_service_db'>) => [
    () => publish(tx, 'user.created', 1, { userId: 1, email: 'a@example.com' }),
    // @ts-expect-error another database's transaction
    () => publish(foreign, 'user.created', 1, { userId: 1, email: 'a@example.com' }),
    // @ts-expect-error no transaction
    () => publish('user.created', 1, { userId: 1, email: 'a@example.com' }),
    // @ts-expect-error an event of another module
    () => publish(tx, 'customer.created', 1, { userId: 1, email: 'a@example.com' }),
    // @ts-expect-error data of another event
    () => publish(tx, 'user.created', 1, { userId: 1 }),
    // @ts-expect-error data of the wrong type
    () => publish(tx, 'user.created', 1, { userId: '1', email: 'a@example.com' }),
  ]

  expect(attempts).toBeTypeOf('function')
})

test('EV-02: the compiler wants the data of every version that is published, and a type without its version', () => {
  const attempts = (tx: UserTx) => [
    () => publish(tx, 'user.suspended', 1, { 1: { userId: 1 }, 2: { userId: 1, until: '2026-03-29' } }),
    () => publish(tx, 'user.merged', 1, { into: 2 }),
    // @ts-expect-error the second version is missing
    () => publish(tx, 'user.suspended', 1, { 1: { userId: 1 } }),
    // @ts-expect-error the data of one version only
    () => publish(tx, 'user.suspended', 1, { userId: 1 }),
    // @ts-expect-error one version on its own
    () => publish(tx, 'user.suspended@2', 1, { userId: 1, until: '2026-03-29' }),
    // @ts-expect-error data of the other version
    () => publish(tx, 'user.suspended', 1, { 1: { userId: 1 }, 2: { userId: 1 } }),
  ]

  expect(attempts).toBeTypeOf('function')
})

test('EV-02: the compiler refuses a handler for an unknown event, another version or another database', () => {
  const refused = (): Subscriptions<UserEvents, Tx<'customer_service_db'>> => [
    subscribe('customer.profile', {
      'user.created@1': async (tx, event) => [tx.name satisfies 'customer_service_db', event.data.email satisfies string],
      'user.suspended@1': async (_tx, event) => [event.type satisfies 'user.suspended', event.data.userId satisfies number],
      'user.suspended@2': async (_tx, event) => event.data.until satisfies string,
      'user.merged@3': async (_tx, event) => event.data.into satisfies number,
    }),
    // @ts-expect-error an event nobody publishes
    subscribe('customer.unknown', { 'user.renamed@1': async () => {} }),
    // @ts-expect-error a version nobody publishes
    subscribe('customer.version', { 'user.created@2': async () => {} }),
    // @ts-expect-error a version nobody publishes any more
    subscribe('customer.version', { 'user.merged@1': async () => {} }),
    // @ts-expect-error a type without its version
    subscribe('customer.version', { 'user.created': async () => {} }),
    // @ts-expect-error a member the event does not have
    subscribe('customer.member', { 'user.suspended@1': async (_tx, event) => event.data.email }),
    // @ts-expect-error a member of the next version
    subscribe('customer.member', { 'user.suspended@1': async (_tx, event) => event.data.until }),
    // @ts-expect-error a handler for another database
    subscribe('customer.database', { 'user.created@1': async (_tx: Tx<'carrier_service_db'>) => {} }),
  ]

  expect(refused().map(({ consumer, keys }) => [consumer, keys])).toContainEqual([
    'customer.profile',
    ['user.created@1', 'user.suspended@1', 'user.suspended@2', 'user.merged@3'],
  ])
})
