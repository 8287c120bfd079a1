import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { neighbours } from '../../.dependency-cruiser.js'
import { checkBoundaries, rules } from '../../scripts/boundaries/check.ts'
import { place } from '../../scripts/boundaries/finding.ts'
import type { Cruise } from '../../scripts/boundaries/import-rules.ts'
import { buildHouse } from './house.ts'

const repository = process.cwd()
const fixtures = join(import.meta.dirname, 'fixtures')
const names = rules.map(({ name }) => name)
/** Proven below with a cruise that sees nothing; a tree on disk cannot show it. */
const withoutFixture = ['every-file-is-cruised']

let folder: string | undefined

afterEach(() => {
  process.chdir(repository)
  if (folder) rmSync(folder, { recursive: true, force: true })
})

async function refusalsOf(overlay: string, cruise?: () => Promise<Cruise>) {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-house-'))
  buildHouse(folder, join(fixtures, overlay))
  process.chdir(folder)
  const { findings } = await checkBoundaries(cruise)
  return findings
}

/** The lines of a fixture that end in "refused", as `path:line`. */
function markedLines(root: string): string[] {
  return globSync('**/*.{ts,sql}', { cwd: root })
    .flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .flatMap((line, index) => (line.endsWith(' refused') ? [`${path}:${index + 1}`] : [])),
    )
    .sort()
}

describe('the gate', () => {
  it('has a fixture for every rule, and none for a rule that is gone', () => {
    const onDisk = readdirSync(fixtures)

    expect(onDisk.sort()).toEqual(names.filter((name) => !withoutFixture.includes(name)).sort())
  })

  it('says of every rule what to do instead', () => {
    for (const { name, remedy } of rules) expect(remedy, name).toMatch(/^[A-Z/a-z].{40,}\.$/s)
  })

  it('fails when the cruiser has read fewer files than there are', async () => {
    const findings = await refusalsOf('no-cycles/pass', async () => ({ findings: [], modules: [] }))

    expect(findings.length).toBeGreaterThan(40)
    expect(new Set(findings.map(({ rule }) => rule))).toEqual(new Set(['every-file-is-cruised']))
  })
})

describe('the neighbours table', () => {
  it('is free of circles: a module never reaches itself through those it knows', () => {
    const table: Readonly<Record<string, readonly string[]>> = neighbours
    const reaches = (from: string, to: string, depth = 0): boolean =>
      depth <= Object.keys(table).length && (table[from] ?? []).some((next) => next === to || reaches(next, to, depth + 1))

    const inCircles = Object.keys(table).filter((name) => reaches(name, name))

    expect(inCircles).toEqual([])
  })
})

describe('npm run boundaries', () => {
  const run = (overlay: string, ...options: string[]) => {
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-house-'))
    buildHouse(folder, join(fixtures, overlay))
    return spawnSync(process.execPath, ['scripts/boundaries.ts', '--tree', folder, ...options], { encoding: 'utf8' })
  }

  it('ends with a failure and says where, which rule and what to do instead', () => {
    const { status, stdout } = run('only-neighbours/fail')

    expect(status).toBe(1)
    expect(stdout).toContain('only-neighbours: These two modules are no neighbours. Ask a module you know')
    expect(stdout).toContain('src/modules/customer/cache.ts:1 → src/modules/carrier/index.ts')
    expect(stdout).toMatch(/^boundaries: \d+ rules, (\d+) of \1 files, 2 refusals$/m)
  })

  it('tells programs the same', () => {
    const { findings } = JSON.parse(run('no-raw-sql/fail', '--json').stdout)

    expect(findings).toMatchObject([{ rule: 'no-raw-sql', file: 'src/modules/customer/repository.ts', line: 6 }])
  })

  it('succeeds on a clean tree', () => {
    expect(run('no-raw-sql/pass')).toMatchObject({ status: 0, stderr: '' })
  })
})

describe.each(names.filter((name) => !withoutFixture.includes(name)))('%s', (rule) => {
  it('refuses exactly the marked lines of its fixture, and no other rule has a word to say', async () => {
    const findings = await refusalsOf(`${rule}/fail`)

    expect(findings.filter((finding) => finding.rule !== rule)).toEqual([])
    expect(findings).not.toHaveLength(0)
    const marked = markedLines(join(fixtures, rule, 'fail'))
    if (marked.length > 0) expect([...new Set(findings.map(place))].sort()).toEqual(marked)
  })

  it('lets the other way of doing it pass', async () => {
    expect(await refusalsOf(`${rule}/pass`)).toEqual([])
  })
})
