/**
 * The one door to events for modules and the composition root: declare them in the contract, publish them inside a
 * transaction, subscribe to a neighbour's. Delivery is at least once to the handler, exactly once in its effect on the
 * consumer's database, in order per subject.
 */
export { type Bell, createBell, type Observer } from './event-bell.ts'
export {
  defineEvents,
  type Envelope,
  type EventContract,
  type EventDeclaration,
  type EventDeclarations,
  EventInvalid,
  type EventsOf,
} from './event-contracts.ts'
export {
  createEvents,
  type EventRoute,
  type Events,
  type EventsNeeds,
  type HostedConsumer,
  type HostedSource,
  type ModuleEvents,
} from './event-engine.ts'
export { createPublisher, type Publisher } from './event-publisher.ts'
export { createEventStreams } from './event-streams.ts'
export {
  type EventHandler,
  type EventHandlers,
  type HandlerRun,
  type Subscription,
  type SubscriptionOptions,
  type Subscriptions,
  subscribe,
} from './event-subscriptions.ts'
