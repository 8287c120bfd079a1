import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { describe, expect, it } from 'vitest'
import { type Composition, readComposition } from './compose-files.ts'
import { type Rule, rules } from './compose-rules.ts'

const combinations = {
  separate: ['docker-compose.yml'],
  consolidated: ['docker-compose.yml', 'deploy/compose.consolidated.yml'],
}

const fixtures = join(import.meta.dirname, 'fixtures')
const isSchema = composeSchema()

function composeSchema() {
  const { id: _id, ...schema } = JSON.parse(readFileSync(join(import.meta.dirname, 'compose-spec.json'), 'utf8'))
  return new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(withoutOldIds(schema))
}

/** The schema names its parts with `id`, which the draft it declares calls `$id`; both are needless here. */
function withoutOldIds(value: unknown): never {
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(
      Object.entries(node)
        .filter(([name, member]) => !((name === 'id' || name === '$schema') && typeof member === 'string'))
        .map(([name, member]) => [name, walk(member)]),
    )
  }
  return walk(value) as never
}

describe.each(Object.entries(combinations))('the %s composition', (_name, files) => {
  const composition = readComposition(...files)

  it('is valid by the Compose schema', () => {
    isSchema(composition)

    expect(isSchema.errors ?? []).toEqual([])
  })

  it.each(Object.entries<Rule>(rules))('keeps the rule %s', (_rule, check) => {
    expect(check(composition)).toEqual([])
  })
})

describe('the layouts', () => {
  const databases = (composition: Composition): string[] =>
    Object.entries(composition.services).flatMap(([name, { image }]) => (image?.startsWith('mysql:') ? [name] : []))

  it('run four database servers when separate and two when consolidated', () => {
    expect(databases(readComposition(...combinations.separate))).toHaveLength(4)
    expect(databases(readComposition(...combinations.consolidated)).sort()).toEqual(['business-database', 'shared-database'])
  })

  it('leave no trace of the servers that consolidation takes away', () => {
    const text = JSON.stringify(readComposition(...combinations.consolidated))

    expect(text).not.toMatch(/(customer|carrier|pricing)-(service-db|data)/)
  })
})

describe('each rule', () => {
  const broken = readdirSync(fixtures).filter((file) => file.endsWith('.yml'))

  it('has a composition that breaks it', () => {
    expect(broken.map((file) => file.replace(/\.yml$/, '')).sort()).toEqual([...Object.keys(rules), 'schema'].sort())
  })

  it.each(Object.entries<Rule>(rules))('%s refuses the one that breaks it', (name, check) => {
    const composition = readComposition('docker-compose.yml', `tests/deploy/fixtures/${name}.yml`)

    expect(check(composition)).not.toEqual([])
  })

  it('schema refuses the one that breaks it', () => {
    expect(isSchema(readComposition('docker-compose.yml', 'tests/deploy/fixtures/schema.yml'))).toBe(false)
  })
})

describe('merging', () => {
  it('replaces commands, adds to lists and goes into mappings, as Compose does', () => {
    const { services } = readComposition('tests/deploy/fixtures/merge/below.yml', 'tests/deploy/fixtures/merge/above.yml')

    expect(services).toEqual({
      one: {
        command: ['b'],
        ports: ['1:1', '2:2'],
        volumes: ['kept:/kept', 'new:/data'],
        environment: { A: 'above', B: 'below', C: 'above' },
        depends_on: { three: { condition: 'service_healthy' } },
      },
    })
  })
})
