import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { neighbours } from '../../.dependency-cruiser.js'
import { breakingAdvice, compareSnapshots } from '../../scripts/contracts/compatibility.ts'
import { commitsBefore, commitTree, diskTree, recordedSnapshots, recordOf, staleFiles, type Tree } from '../../scripts/contracts/record.ts'
import { currentSnapshots, type Snapshot } from '../../scripts/contracts/snapshot.ts'
import { architecturePage } from '../../scripts/docs/architecture.ts'
import { openApiDocument } from '../../scripts/docs/openapi.ts'

const disk = diskTree('.')
const promised = (module: string, tree: Tree = disk): Snapshot =>
  recordedSnapshots(tree).find((one) => one.module === module) ?? { module, contracts: {}, events: {} }
const broken = (before: Snapshot, after: Snapshot) => compareSnapshots(before, after).filter(({ kind }) => kind === 'breaking')

describe.each(Object.keys(neighbours))('the contract of %s', (module) => {
  it('breaks no promise that was written down', async () => {
    const snapshot = (await currentSnapshots()).find((one) => one.module === module)

    expect(snapshot && broken(promised(module), snapshot), breakingAdvice).toEqual([])
  })
})

test('every promise is written down as it is, and nothing else', async () => {
  const record = recordOf(await currentSnapshots())

  expect(staleFiles(disk, record), 'Run npm run contracts and commit the result.').toEqual([])
})

test('what is written down breaks nothing that the commits before had written down', () => {
  const before = commitsBefore('.').map((ref) => commitTree('.', ref))

  const found = before.flatMap((tree) => recordedSnapshots(tree).flatMap((old) => broken(old, promised(old.module))))

  expect(found, breakingAdvice).toEqual([])
})

describe('a promise that is broken', () => {
  it('is found in the real contracts, with the place and what happened there', () => {
    const before = promised('user')
    const after: Snapshot = JSON.parse(JSON.stringify(before), (key, value: unknown) => (key === 'email' ? undefined : value))

    const found = compareSnapshots(before, after)

    expect(found).toContainEqual({ kind: 'breaking', where: 'user@1 getUser output /email', sentence: 'is gone' })
    expect(found).toContainEqual({ kind: 'breaking', where: 'user.created@1 /email', sentence: 'is gone' })
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
