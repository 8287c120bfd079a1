import { describe, expect, it } from 'vitest'
import { applyMergePatch } from './patches.ts'

interface Thing {
  name: string
  phone: string | null
  tags: string[]
  address: { city: string; street?: string } | null
}
const thing: Thing = { name: 'a', phone: '1', tags: ['x', 'y'], address: { city: 'Oslo', street: 'S' } }

describe('a merge patch', () => {
  it.each<[string, object, string[], Partial<Thing>]>([
    ['sets a member', { name: 'b' }, ['name'], { name: 'b' }],
    ['clears with null', { phone: null }, ['phone'], { phone: null }],
    ['replaces an array whole', { tags: ['z'] }, ['tags'], { tags: ['z'] }],
    ['merges an object member by member', { address: { city: 'Bergen' } }, ['address'], { address: { city: 'Bergen', street: 'S' } }],
    ['clears a member of an object', { address: { street: null } }, ['address'], { address: { city: 'Oslo' } }],
    ['changes nothing when it is empty', {}, [], {}],
    ['changes nothing with equal values', { name: 'a', tags: ['x', 'y'], address: { street: 'S', city: 'Oslo' } }, [], {}],
    ['ignores what is undefined', { name: undefined }, [], {}],
  ])('%s', (_what, patch, changed, expected) => {
    expect(applyMergePatch(thing, patch)).toEqual({ changed, next: { ...thing, ...expected } })
  })

  it('leaves what it was given as it was', () => {
    const before = structuredClone(thing)

    applyMergePatch(thing, { address: { city: 'Bergen' }, tags: [] })

    expect(thing).toEqual(before)
  })

  it('takes null for what is not there as no change', () => {
    expect(applyMergePatch({ ...thing, phone: null }, { phone: null }).changed).toEqual([])
  })
})
