import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evaluateVector, implementedKinds } from '../../src/modules/pricing/engine/vectors/evaluate.ts'

interface Vector {
  id: string
  kind: string
  title: string
  given: unknown
  expect: unknown
}

const file: { vectors: Vector[] } = JSON.parse(readFileSync(new URL('./pricing-public.json', import.meta.url), 'utf8'))
const runnable = file.vectors.filter(({ kind }) => implementedKinds.includes(kind))

describe('worked examples of prices', () => {
  it.each(runnable.map((vector) => [vector.id, vector.title, vector] as const))(
    '%s: %s',
    (_id, _title, { kind, given, expect: expected }) => {
      const actual: unknown = JSON.parse(JSON.stringify(evaluateVector(kind, given)))

      expect(actual).toEqual(expected)
    },
  )

  it('has examples of every kind the engine knows', () => {
    const kinds = new Set(runnable.map(({ kind }) => kind))

    expect([...kinds].sort()).toEqual([...implementedKinds].sort())
  })

  it('answers UNKNOWN_KIND to a kind it does not know', () => {
    expect(evaluateVector('horoscope', {})).toEqual({ error: 'UNKNOWN_KIND' })
  })
})
