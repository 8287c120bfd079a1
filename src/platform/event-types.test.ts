import Type from 'typebox'
import { expect, test } from 'vitest'
import type { Tx } from './databases.ts'
import { createPublisher, defineEvents, type EventsOf, type Publisher, type Subscriptions, subscribe } from './events.ts'
import { Id } from './schemas.ts'

const userEvents = defineEvents('user', {
  'user.created': { version: 1, aggregate: 'user', data: Type.Object({ userId: Id, email: Type.String() }) },
  'user.suspended': { version: 1, aggregate: 'user', data: Type.Object({ userId: Id }) },
})
type UserEvents = EventsOf<typeof userEvents>
const bell = { ringCommitted: () => {} }

test('the compiler refuses to publish a foreign event, unfit data, in another database or without a transaction', () => {
  const publish: Publisher<UserEvents, Tx<'shared_user_db'>> = createPublisher(userEvents, 'shared_user_db', bell)

  const attempts = (tx: Tx<'shared_user_db'>, foreign: Tx<'customer_service_db'>) => [
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

test('the compiler refuses a handler for an unknown event, another version or another database', () => {
  const refused = (): Subscriptions<UserEvents, Tx<'customer_service_db'>> => [
    subscribe('customer.profile', {
      'user.created@1': async (tx, event) => [tx.name satisfies 'customer_service_db', event.data.email satisfies string],
    }),
    // @ts-expect-error an event nobody publishes
    subscribe('customer.unknown', { 'user.renamed@1': async () => {} }),
    // @ts-expect-error a version nobody publishes
    subscribe('customer.version', { 'user.created@2': async () => {} }),
    // @ts-expect-error a member the event does not have
    subscribe('customer.member', { 'user.suspended@1': async (_tx, event) => event.data.email }),
    // @ts-expect-error a handler for another database
    subscribe('customer.database', { 'user.created@1': async (_tx: Tx<'carrier_service_db'>) => {} }),
  ]

  expect(refused().map(({ consumer, keys }) => [consumer, keys])).toContainEqual(['customer.profile', ['user.created@1']])
})
