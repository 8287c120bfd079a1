import type { OperationSnapshot } from '#platform/contract-snapshots.ts'
import { typeOf } from '#platform/event-contracts.ts'
import { type Change, type Effect, type Schema, schemaChanges } from './schema-changes.ts'
import type { EventSnapshot, Snapshot } from './snapshot.ts'

/**
 * Compatible or breaking: may processes with the old contract and processes with the new one call each other, in both
 * directions, while one replaces the other?
 */
export interface Verdict {
  kind: 'compatible' | 'breaking'
  /** `user@1 getUser output /email`. */
  where: string
  sentence: string
}

type Side = 'input' | 'output' | 'event'

/** Callers send inputs, so an input may take more; callers read outputs and ignore what they do not know, so an output may say less. */
const harmless: Readonly<Record<Side, readonly Effect[]>> = {
  input: ['widens', 'adds optional', 'opens', 'marks'],
  output: ['narrows', 'adds optional', 'opens', 'closes', 'marks'],
  // Events are read years later by replays as well as by yesterday's process: nothing but new optional members.
  event: ['adds optional'],
}

const verdict = (isHarmless: boolean, where: string, sentence: string): Verdict => ({
  kind: isHarmless ? 'compatible' : 'breaking',
  where,
  sentence,
})

export function compareSchemas(side: Side, before: Schema, after: Schema, where = ''): Verdict[] {
  return schemaChanges(before, after).map(({ effect, path, sentence }: Change) =>
    verdict(harmless[side].includes(effect), `${where} ${path}`.trim(), sentence),
  )
}

export function compareOperations(before: OperationSnapshot, after: OperationSnapshot, where: string): Verdict[] {
  const flags = [
    ...(before.kind === after.kind ? [] : [verdict(false, where, `was a ${before.kind} and is a ${after.kind}`)]),
    ...flag(before.absent, after.absent, where, 'answers undefined when there is nothing', true),
    ...flag(before.unitOnly, after.unitOnly, where, 'is served inside its unit only', true),
    ...flag(before.idempotent, after.idempotent, where, 'may be repeated', false),
  ]
  const errors = after.errors.filter((code) => !before.errors.includes(code)).map((code) => verdict(true, where, `may fail with ${code}`))
  const deadline =
    before.deadlineMs === after.deadlineMs ? [] : [verdict(true, where, `has ${after.deadlineMs} ms instead of ${before.deadlineMs}`)]
  return [
    ...flags,
    ...errors,
    ...deadline,
    ...compareSchemas('input', before.input, after.input, `${where} input`),
    ...compareSchemas('output', before.output, after.output, `${where} output`),
  ]
}

/** `costly` flags hurt callers when they appear, the others when they go. */
function flag(before: boolean, after: boolean, where: string, claim: string, costly: boolean): Verdict[] {
  return before === after ? [] : [verdict(after !== costly, where, after ? `now ${claim}` : `no longer ${claim}`)]
}

export function compareEvents(before: EventSnapshot, after: EventSnapshot, where: string): Verdict[] {
  const aggregate =
    before.aggregate === after.aggregate
      ? []
      : [verdict(false, where, `is about ${after.aggregate} instead of ${before.aggregate}, so its order is another`)]
  return [...aggregate, ...compareSchemas('event', before.data, after.data, where)]
}

/** Somebody who runs with the old code still names it: consumers go first, in a release of their own. */
const eventGone = ({ heardBy }: EventSnapshot, where: string): Verdict =>
  verdict(
    heardBy.length === 0,
    where,
    `the event is gone, ${heardBy.length === 0 ? 'and nobody named it' : `but ${list(heardBy)} heard it`}`,
  )

type Events = Readonly<Record<string, EventSnapshot>>

/** A consumer that goes on to a version whose first event is still to come leaves the events that wait in the old one behind. */
function compareHearing(before: Events, after: Events): Verdict[] {
  return Object.entries(before).flatMap(([key, { heardBy }]) => {
    const left = heardBy.filter((consumer) => !after[key]?.heardBy.includes(consumer))
    const fresh = Object.keys(after).filter((other) => typeOf(other) === typeOf(key) && !(other in before))
    return left.map((consumer) => {
      const leaps = fresh.find((other) => after[other]?.heardBy.includes(consumer))
      return verdict(
        !leaps,
        key,
        leaps ? `${consumer} hears only ${leaps}, but events wait in this version` : `${consumer} hears it no more`,
      )
    })
  })
}

const list = (names: readonly string[]): string => names.join(', ')

export function compareSnapshots(before: Snapshot, after: Snapshot): Verdict[] {
  return [
    ...compareMaps(before.contracts, after.contracts, 'contract', (old, now, name) =>
      compareMaps(old.operations, now.operations, 'operation', compareOperations, { prefix: `${name} ` }),
    ),
    ...compareMaps(before.events, after.events, 'event', compareEvents, { gone: eventGone }),
    ...compareHearing(before.events, after.events),
  ]
}

function compareMaps<V>(
  before: Readonly<Record<string, V>>,
  after: Readonly<Record<string, V>>,
  what: string,
  compare: (before: V, after: V, where: string) => Verdict[],
  { prefix = '', gone }: { prefix?: string; gone?: (before: V, where: string) => Verdict } = {},
): Verdict[] {
  const added = Object.keys(after).filter((name) => !(name in before))
  return [
    ...Object.entries(before).flatMap(([name, old]) => {
      const where = `${prefix}${name}`
      const now = after[name]
      if (now !== undefined) return compare(old, now, where)
      return [gone ? gone(old, where) : verdict(false, where, `the ${what} is gone`)]
    }),
    ...added.map((name) => verdict(true, `${prefix}${name}`, `the ${what} is new`)),
  ]
}

export const breakingAdvice =
  'Keep the old version as it is and declare the new one beside it (user@2 beside user@1, user.created@2 beside user.created). An old version of an event may go when no consumer names it any more; an operation that nobody calls is let go with `npm run contracts -- --retire <name>`. CONTRIBUTING.md says how.'
