import Type, { type TSchema } from 'typebox'
import { describe, expect, test } from 'vitest'
import { command, defineContract, lookup, query } from '#platform/contracts.ts'
import { defineEvents } from '#platform/events.ts'
import { compareSnapshots } from './compatibility.ts'
import { snapshotOf } from './snapshot.ts'

const closed = { additionalProperties: false } as const
const Parcel = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    note: Type.Optional(Type.String({ maxLength: 100 })),
    state: Type.Enum(['open', 'closed']),
    weight: Type.Union([Type.String(), Type.Null()]),
    tags: Type.Array(Type.String(), { maxItems: 5 }),
  },
  closed,
)
const { id, note, state, weight, tags } = Parcel.properties
const parcel = (changes: Record<string, TSchema>) => Type.Object({ id, note, state, weight, tags, ...changes }, closed)
const without = Type.Object({ id, state, weight, tags }, closed)

type Kind = 'compatible' | 'breaking' | 'none'

function overallKind(before: object, after: object): Kind {
  const kinds = compareSnapshots(snapshotOf('parcel', before), snapshotOf('parcel', after)).map(({ kind }) => kind)
  return kinds.includes('breaking') ? 'breaking' : kinds.includes('compatible') ? 'compatible' : 'none'
}

const asInput = (schema: TSchema) => ({
  contract: defineContract('parcel', 1, { keep: command({ input: schema, output: Type.Object({}) }) }),
})
const asOutput = (schema: TSchema) => ({
  contract: defineContract('parcel', 1, { read: query({ input: Type.Object({}), output: schema }) }),
})
const asEvent = (data: TSchema) => ({ events: defineEvents('parcel', { 'parcel.kept': { version: 1, aggregate: 'parcel', data } }) })

describe('a changed schema', () => {
  test.each<[string, TSchema, Kind, Kind, Kind]>([
    // change                                      schema                                                      input         output        event
    ['says the same in other words', parcel({ id: Type.Integer({ minimum: 1, description: 'Number' }) }), 'none', 'none', 'none'],
    ['has its members in another order', Type.Object({ tags, weight, state, note, id }, closed), 'none', 'none', 'none'],
    ['gains an optional member', parcel({ size: Type.Optional(Type.String()) }), 'compatible', 'compatible', 'compatible'],
    ['gains a required member', parcel({ size: Type.String() }), 'breaking', 'breaking', 'breaking'],
    ['loses a member', without, 'breaking', 'breaking', 'breaking'],
    ['renames a member', Type.Object({ id, remark: note, state, weight, tags }, closed), 'breaking', 'breaking', 'breaking'],
    ['requires what was optional', parcel({ note: Type.String({ maxLength: 100 }) }), 'breaking', 'compatible', 'breaking'],
    ['may omit what was required', parcel({ state: Type.Optional(Type.Enum(['open', 'closed'])) }), 'compatible', 'breaking', 'breaking'],
    ['may be null where it was not', parcel({ id: Type.Union([id, Type.Null()]) }), 'compatible', 'breaking', 'breaking'],
    ['is never null where it was', parcel({ weight: Type.String() }), 'breaking', 'compatible', 'breaking'],
    ['has a member of another type', parcel({ id: Type.String() }), 'breaking', 'breaking', 'breaking'],
    ['takes fractions where it took integers', parcel({ id: Type.Number({ minimum: 1 }) }), 'compatible', 'breaking', 'breaking'],
    ['knows a further state', parcel({ state: Type.Enum(['open', 'closed', 'lost']) }), 'compatible', 'breaking', 'breaking'],
    ['knows a state less', parcel({ state: Type.Enum(['open']) }), 'breaking', 'compatible', 'breaking'],
    ['allows longer text', parcel({ note: Type.Optional(Type.String({ maxLength: 200 })) }), 'compatible', 'breaking', 'breaking'],
    ['allows only shorter text', parcel({ note: Type.Optional(Type.String({ maxLength: 50 })) }), 'breaking', 'compatible', 'breaking'],
    ['drops a bound', parcel({ id: Type.Integer() }), 'compatible', 'breaking', 'breaking'],
    [
      'asks for a pattern',
      parcel({ note: Type.Optional(Type.String({ maxLength: 100, pattern: '^a' })) }),
      'breaking',
      'compatible',
      'breaking',
    ],
    ['allows more items', parcel({ tags: Type.Array(Type.String(), { maxItems: 9 }) }), 'compatible', 'breaking', 'breaking'],
    ['has items of another type', parcel({ tags: Type.Array(Type.Integer(), { maxItems: 5 }) }), 'breaking', 'breaking', 'breaking'],
    ['takes members it does not name', Type.Object(Parcel.properties), 'compatible', 'compatible', 'breaking'],
    ['is another kind of thing', Type.Array(Parcel), 'breaking', 'breaking', 'breaking'],
  ])('that %s is judged by who sends and who reads', (_, after, input, output, event) => {
    expect(overallKind(asInput(Parcel), asInput(after))).toBe(input)
    expect(overallKind(asOutput(Parcel), asOutput(after))).toBe(output)
    expect(overallKind(asEvent(Parcel), asEvent(after))).toBe(event)
  })
})

describe('a changed operation', () => {
  const operation = { input: Parcel, output: Parcel }
  const contract = (operations: Parameters<typeof defineContract>[2], version = 1) => ({
    contract: defineContract('parcel', version, operations),
  })
  const before = contract({ read: query(operation), keep: command({ ...operation, idempotent: true, errors: ['A'] }) })

  test.each<[string, object, Kind]>([
    ['a further operation', contract({ ...before.contract.operations, list: query(operation) }), 'compatible'],
    ['an operation gone', contract({ read: query(operation) }), 'breaking'],
    ['a query that becomes a command', contract({ ...before.contract.operations, read: command(operation) }), 'breaking'],
    ['an answer that may be undefined', contract({ ...before.contract.operations, read: lookup(operation) }), 'breaking'],
    [
      'a command that may no longer be repeated',
      contract({ ...before.contract.operations, keep: command({ ...operation, errors: ['A'] }) }),
      'breaking',
    ],
    [
      'an operation kept inside its unit',
      contract({ ...before.contract.operations, read: query({ ...operation, unitOnly: true }) }),
      'breaking',
    ],
    [
      'another error code',
      contract({ ...before.contract.operations, keep: command({ ...operation, idempotent: true, errors: ['A', 'B'] }) }),
      'compatible',
    ],
    ['another deadline', contract({ ...before.contract.operations, read: query({ ...operation, deadlineMs: 900 }) }), 'compatible'],
    ['a version replaced by the next', contract(before.contract.operations, 2), 'breaking'],
    [
      'a version beside the last',
      { ...before, second: defineContract('parcel', 2, { read: query({ input: Parcel, output: without }) }) },
      'compatible',
    ],
  ])('%s', (_, after, kind) => {
    expect(overallKind(before, after)).toBe(kind)
  })
})
