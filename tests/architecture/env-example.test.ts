import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { renderEnvExample } from '../../scripts/env-example.ts'
import { settingNames } from '../../src/platform/config.ts'

const committed = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

it('.env.example says what the process reads; npm run docs writes it again', () => {
  expect(committed).toBe(renderEnvExample())
})

it('.env.example names every setting once', () => {
  const named = [...committed.matchAll(/^#([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1])

  expect(named.sort()).toEqual([...settingNames].sort())
})
