import Type, { type TSchema } from 'typebox'
import { describe, expect, test } from 'vitest'
import { defineEvents } from '#platform/events.ts'
import { Personal } from '#platform/schemas.ts'
import { compareSnapshots, type Verdict } from './compatibility.ts'
import { type Snapshot, snapshotOf } from './snapshot.ts'

const closed = { additionalProperties: false } as const
const members = {
  id: Type.Integer({ minimum: 1, maximum: 100 }),
  note: Type.Optional(Type.String({ maxLength: 100 })),
  state: Type.Enum(['open', 'closed']),
  weight: Type.Union([Type.String(), Type.Null()]),
  tags: Type.Array(Type.String(), { maxItems: 5 }),
  from: Type.Object({ city: Type.String(), street: Type.Optional(Type.String()) }, closed),
}
const { from: _from, ...withoutFrom } = members
const { note: _note, ...withoutNote } = members
const parcel = (changes: Record<string, TSchema> = {}) => Type.Object({ ...members, ...changes }, closed)

type Kind = 'compatible' | 'breaking' | 'none'
const overall = (verdicts: readonly Verdict[]): Kind =>
  verdicts.some(({ kind }) => kind === 'breaking') ? 'breaking' : verdicts.length > 0 ? 'compatible' : 'none'

interface Said {
  data?: TSchema
  aggregate?: string
  version?: number
}
type Hearers = Readonly<Record<string, readonly string[]>>

/** `parcel.kept@1`, unless another version is given, and who names what. */
function saying(said: readonly Said[], hearers: Hearers = {}): Snapshot {
  const declared = said.map(({ data = parcel(), aggregate = 'parcel', version = 1 }) => [
    `parcel.kept@${version}`,
    { version, aggregate, data },
  ])
  return snapshotOf('parcel', { events: defineEvents('parcel', Object.fromEntries(declared)) }, new Map(Object.entries(hearers)))
}

const kindOf = (before: Snapshot, after: Snapshot) => overall(compareSnapshots(before, after))

describe('within a version of an event', () => {
  // The change as it is made, and the same change taken back.
  test.each<[string, TSchema, Kind, Kind]>([
    ['nothing but words for people', parcel({ id: Type.Integer({ minimum: 1, maximum: 100, description: 'Number' }) }), 'none', 'none'],
    ['the order of members', Type.Object(Object.fromEntries(Object.entries(members).reverse()), closed), 'none', 'none'],
    ['a new optional member', parcel({ size: Type.Optional(Type.String()) }), 'compatible', 'breaking'],
    [
      'a new optional member deep inside',
      parcel({ from: Type.Object({ ...members.from.properties, zip: Type.Optional(Type.String()) }, closed) }),
      'compatible',
      'breaking',
    ],
    ['a new required member', parcel({ size: Type.String() }), 'breaking', 'breaking'],
    ['a member less', Type.Object(withoutFrom, closed), 'breaking', 'breaking'],
    ['another name for a member', Type.Object({ ...withoutFrom, origin: members.from }, closed), 'breaking', 'breaking'],
    ['an optional member under another name', Type.Object({ ...withoutNote, remark: members.note }, closed), 'breaking', 'breaking'],
    ['an optional member that is required', parcel({ note: Type.String({ maxLength: 100 }) }), 'breaking', 'breaking'],
    ['another type', parcel({ id: Type.String() }), 'breaking', 'breaking'],
    ['fractions instead of integers', parcel({ id: Type.Number({ minimum: 1, maximum: 100 }) }), 'breaking', 'breaking'],
    ['null where there was none', parcel({ id: Type.Union([members.id, Type.Null()]) }), 'breaking', 'breaking'],
    ['a further value', parcel({ state: Type.Enum(['open', 'closed', 'lost']) }), 'breaking', 'breaking'],
    ['a constant instead of values', parcel({ state: Type.Literal('open') }), 'breaking', 'breaking'],
    ['a higher limit', parcel({ id: Type.Integer({ minimum: 1, maximum: 200 }) }), 'breaking', 'breaking'],
    ['a lower floor', parcel({ id: Type.Integer({ minimum: 0, maximum: 100 }) }), 'breaking', 'breaking'],
    ['no limit', parcel({ tags: Type.Array(Type.String()) }), 'breaking', 'breaking'],
    ['longer text', parcel({ note: Type.Optional(Type.String({ maxLength: 200 })) }), 'breaking', 'breaking'],
    ['a pattern', parcel({ note: Type.Optional(Type.String({ maxLength: 100, pattern: '^a' })) }), 'breaking', 'breaking'],
    ['a format', parcel({ note: Type.Optional(Type.String({ maxLength: 100, format: 'date' })) }), 'breaking', 'breaking'],
    ['items of another type', parcel({ tags: Type.Array(Type.Integer(), { maxItems: 5 }) }), 'breaking', 'breaking'],
    ['items that must differ', parcel({ tags: Type.Array(Type.String(), { maxItems: 5, uniqueItems: true }) }), 'breaking', 'breaking'],
    ['members it does not name', Type.Object(members), 'breaking', 'breaking'],
    ['another mark of personal data', parcel({ note: Type.Optional(Personal(Type.String({ maxLength: 100 }))) }), 'breaking', 'breaking'],
    ['a word of JSON Schema that nobody here understands', { ...parcel(), not: { required: ['note'] } }, 'breaking', 'breaking'],
    ['another kind of thing', Type.Array(parcel()), 'breaking', 'breaking'],
  ])('%s', (_, data, forth, back) => {
    const [before, after] = [saying([{}]), saying([{ data }])]

    expect([kindOf(before, after), kindOf(after, before)]).toEqual([forth, back])
  })

  test('another aggregate, because the order of the events is another', () => {
    const [before, after] = [saying([{}]), saying([{ aggregate: 'shelf' }])]

    expect([kindOf(before, after), kindOf(after, before)]).toEqual(['breaking', 'breaking'])
  })
})

describe('between versions of an event', () => {
  const second = { version: 2, data: Type.Object({ id: Type.String() }, closed) }

  test.each<[string, Snapshot, Snapshot, Kind]>([
    ['a new version may stand beside the old one', saying([{}]), saying([{}, second]), 'compatible'],
    [
      'a new version may not take the place of one that is heard',
      saying([{}], { 'parcel.kept@1': ['a.one'] }),
      saying([second]),
      'breaking',
    ],
    ['a version that is heard may not go', saying([{}, second], { 'parcel.kept@1': ['a.one'] }), saying([second]), 'breaking'],
    [
      'nor in the release in which its last consumer leaves it: the one before still runs',
      saying([{}, second], { 'parcel.kept@1': ['a.one'], 'parcel.kept@2': ['a.one'] }),
      saying([second], { 'parcel.kept@2': ['a.one'] }),
      'breaking',
    ],
    [
      'a version that nobody names may go',
      saying([{}, second], { 'parcel.kept@2': ['a.one'] }),
      saying([second], { 'parcel.kept@2': ['a.one'] }),
      'compatible',
    ],
    ['an event that nobody names may go', saying([{}]), saying([]), 'compatible'],
    [
      'a consumer may name a new version beside the old one',
      saying([{}], { 'parcel.kept@1': ['a.one'] }),
      saying([{}, second], { 'parcel.kept@1': ['a.one'], 'parcel.kept@2': ['a.one'] }),
      'compatible',
    ],
    [
      'a consumer may not leap to a new version: events wait for it in the old one',
      saying([{}], { 'parcel.kept@1': ['a.one'] }),
      saying([{}, second], { 'parcel.kept@2': ['a.one'] }),
      'breaking',
    ],
    [
      'another consumer may begin with the new version',
      saying([{}], { 'parcel.kept@1': ['a.one'] }),
      saying([{}, second], { 'parcel.kept@1': ['a.one'], 'parcel.kept@2': ['b.two'] }),
      'compatible',
    ],
    [
      'a consumer may leave the old version once the new one has been released',
      saying([{}, second], { 'parcel.kept@1': ['a.one'], 'parcel.kept@2': ['a.one'] }),
      saying([{}, second], { 'parcel.kept@2': ['a.one'] }),
      'compatible',
    ],
    ['a consumer may stop to hear an event', saying([{}], { 'parcel.kept@1': ['a.one'] }), saying([{}]), 'compatible'],
  ])('%s', (_, before, after, kind) => {
    expect(kindOf(before, after)).toBe(kind)
  })
})
