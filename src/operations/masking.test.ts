import Type from 'typebox'
import { expect, it } from 'vitest'
import { Nullable, Personal } from '#platform/schemas.ts'
import { masked } from './masking.ts'

const closed = { additionalProperties: false } as const
const Person = Type.Object(
  {
    userId: Type.Integer(),
    email: Personal(Type.String()),
    phone: Nullable(Personal(Type.String())),
    notes: Personal(Nullable(Type.String())),
    addresses: Type.Array(Type.Object({ city: Type.String(), street: Personal(Type.String()) }, closed)),
  },
  closed,
)

it('masks what the schema marks as personal, however deep, and leaves the rest', () => {
  const data = { userId: 7, email: 'ada@example.com', phone: '555', notes: 'x', addresses: [{ city: 'Berlin', street: 'Hof 1' }] }
  expect(masked(data, Person)).toEqual({
    userId: 7,
    email: '(personal)',
    phone: '(personal)',
    notes: '(personal)',
    addresses: [{ city: 'Berlin', street: '(personal)' }],
  })
  expect(data.email).toBe('ada@example.com')
})

it('says that nothing is there where nothing is', () => {
  expect(masked({ userId: 7, email: 'a@b.c', phone: null, notes: null, addresses: [] }, Person)).toMatchObject({ phone: null, notes: null })
})

it('masks every text of members and of whole events that no schema describes', () => {
  expect(masked({ userId: 7, nick: 'ada', more: { at: ['here', 5] } }, Person)).toMatchObject({
    nick: '(personal)',
    more: { at: ['(personal)', 5] },
  })
  expect(masked({ id: 1, name: 'Ada' }, undefined)).toEqual({ id: 1, name: '(personal)' })
})
