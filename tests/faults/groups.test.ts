import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nameOf } from './harness/scenario.ts'
import { scenarioGroups, scenarios } from './scenarios.ts'

test.each(Object.keys(scenarioGroups))('the short forms of the group %s are run by a test file', (group) => {
  expect(existsSync(join(import.meta.dirname, `${group}.test.ts`))).toBe(true)
})

test('every scenario has a name of its own', () => {
  const names = scenarios.map(nameOf)

  expect(names).toEqual([...new Set(names)])
})
