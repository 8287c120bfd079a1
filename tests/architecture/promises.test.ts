import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { neighbours } from '../../.dependency-cruiser.js'
import { breakingAdvice, compareSnapshots } from '../../scripts/contracts/compatibility.ts'
import { currentSnapshots, printed, type Snapshot } from '../../scripts/contracts/snapshot.ts'
import { architecturePage } from '../../scripts/docs/architecture.ts'
import { openApiDocument } from '../../scripts/docs/openapi.ts'

const promised = (module: string): Snapshot => JSON.parse(readFileSync(`contracts/${module}.json`, 'utf8'))

describe.each(Object.keys(neighbours))('the contract of %s', (module) => {
  it('breaks no promise that was written down', async () => {
    const snapshot = (await currentSnapshots()).find((one) => one.module === module)

    const broken = snapshot ? compareSnapshots(promised(module), snapshot).filter(({ kind }) => kind === 'breaking') : undefined

    expect(broken, breakingAdvice).toEqual([])
  })

  it('is written down as it is', async () => {
    const snapshot = (await currentSnapshots()).find((one) => one.module === module)

    expect(readFileSync(`contracts/${module}.json`, 'utf8'), 'Run npm run contracts and commit the result.').toBe(
      snapshot ? printed(snapshot) : undefined,
    )
  })
})

describe('a promise that is broken', () => {
  it('is found in the real contracts, with the place and what happened there', () => {
    const before = promised('user')
    const after: Snapshot = JSON.parse(JSON.stringify(before), (key, value: unknown) => (key === 'email' ? undefined : value))

    const broken = compareSnapshots(before, after)

    expect(broken).toContainEqual({ kind: 'breaking', where: 'user@1 getUser output /email', sentence: 'is gone' })
    expect(broken).toContainEqual({ kind: 'breaking', where: 'user.created@1 /email', sentence: 'is gone' })
  })
})

describe('docs/architecture.md', () => {
  it('tells what the lint and the contracts say today', async () => {
    expect(readFileSync('docs/architecture.md', 'utf8'), 'Run npm run docs and commit the result.').toBe(await architecturePage())
  })
})

describe('contracts/openapi.json', () => {
  it('is the document the process serves', async () => {
    expect(readFileSync('contracts/openapi.json', 'utf8'), 'Run npm run docs and commit the result.').toBe(await openApiDocument())
  })
})
