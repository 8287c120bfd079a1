import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import Type from 'typebox'
import { expect, test } from 'vitest'
import { defineEvents, serialiseData, subjectOf } from './event-contracts.ts'
import { createEventId } from './event-ids.ts'
import { partitionOf } from './event-partitions.ts'
import { Id, Personal } from './schemas.ts'

const data = Type.Object({ userId: Id, name: Type.Optional(Personal(Type.Object({ first: Type.String() }))) })
const declaration = { version: 1, aggregate: 'user', data }

test.each([
  ['user', 1, 'user'],
  ['user.Created', 1, 'user'],
  ['user.created', 0, 'user'],
  ['user.created', 1.5, 'user'],
  ['user.created', 1, 'User/1'],
  [`user.${'x'.repeat(80)}`, 1, 'user'],
])('an event %s of version %s about %s is refused when it is declared', (type, version, aggregate) => {
  expect(() => defineEvents('user', { [type]: { version, aggregate, data } })).toThrow(TypeError)
})

test.each([
  [{ userId: 1 }, undefined],
  [{ userId: 1, name: { first: 'Ada' } }, undefined],
  [{ userId: '1' }, 'integer'],
  [{}, 'userId'],
  [{ userId: 1, password: 'x' }, 'additional'],
  [{ userId: 1, name: { first: 'Ada', last: 'Lovelace' } }, 'additional'],
])('data are taken as their schema says, and nothing more: %j', (sent, fault) => {
  const serialise = () => serialiseData('user.created', declaration, sent)

  if (fault === undefined) expect(JSON.parse(serialise())).toEqual(sent)
  else expect(serialise).toThrow(fault)
})

test('data of more than 64 KiB are refused', () => {
  const wide = { version: 1, aggregate: 'user', data: Type.Object({ text: Type.String() }) }

  expect(() => serialiseData('user.created', wide, { text: 'ä'.repeat(32_768) })).toThrow('65536')
  expect(() => serialiseData('user.created', wide, { text: 'ä'.repeat(32_000) })).not.toThrow()
})

test('a subject is printable ASCII and fits its column', () => {
  expect(subjectOf('user', 42)).toBe('user/42')
  expect(() => subjectOf('user', 'josé')).toThrow('ASCII')
  expect(() => subjectOf('user', 'x'.repeat(80))).toThrow('80')
})

test('a subject keeps its partition for ever', () => {
  expect(['user/1', 'user/42', 'quote/7', 'pricing_rule/1000'].map(partitionOf)).toEqual([6, 5, 5, 5])
})

test('EV-27: ids are UUIDs of version 7, in order of time, and differ across eight processes within one millisecond', async () => {
  const code = `
    import { createEventId } from ${JSON.stringify(import.meta.resolve('./event-ids.ts'))}
    process.stdout.write(Array.from({ length: 25_000 }, () => createEventId(1_700_000_000_000)).join('\\n'))`
  const runs = await Promise.all(
    Array.from({ length: 8 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { maxBuffer: 4_000_000 })),
  )

  const ids = runs.flatMap(({ stdout }) => stdout.split('\n'))

  expect(new Set(ids).size).toBe(200_000)
  expect(ids.every((id) => /^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
  expect(createEventId(1) < createEventId(2)).toBe(true)
})
