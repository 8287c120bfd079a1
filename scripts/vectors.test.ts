import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('./vectors.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'vectors-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = (...files: string[]) => spawnSync(process.execPath, [script, ...files], { encoding: 'utf8' })

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const vector = (id: string, more: object = {}) => ({
  id,
  kind: 'rate',
  title: 'Two units',
  rules: ['BC1'],
  given: { currency: 'USD', units: '2', rate: { type: 'per_unit', rate: '1.5' } },
  expect: { amount: '3.00' },
  ...more,
})

const set = (...vectors: object[]) => ({ format: 'bulkhead-pricing-vectors', version: 1, vectors })

describe('npm run vectors', () => {
  it('prints a line per vector in file order, then the count, and exits 0', () => {
    const { stdout, status } = run(file('a.json', set(vector('R02'), vector('R01'))), file('b.json', set(vector('R03'))))

    expect(stdout).toBe('R02 pass\nR01 pass\nR03 pass\n3 passed, 0 failed\n')
    expect(status).toBe(0)
  })

  it('shows both results of a failure, goes on, and exits 1', () => {
    const { stdout, status } = run(
      file('c.json', set(vector('R01', { expect: { amount: '4.00' } }), vector('R02', { kind: 'horoscope' }), vector('R03'))),
    )

    expect(stdout).toBe(
      'R01 fail expected {"amount":"4.00"} actual {"amount":"3.00"}\nR02 fail expected {"amount":"3.00"} actual {"error":"UNKNOWN_KIND"}\nR03 pass\n1 passed, 2 failed\n',
    )
    expect(status).toBe(1)
  })

  it.each([
    ['a file that is not there', () => join(folder, 'nowhere.json')],
    ['a file that is no JSON', () => file('d.json', '{')],
    ['another format', () => file('e.json', { ...set(vector('R01')), format: 'other' })],
    ['another version', () => file('f.json', { ...set(vector('R01')), version: 2 })],
    ['no vector', () => file('g.json', set())],
    ['a missing key', () => file('h.json', set({ ...vector('R01'), rules: undefined }))],
    ['an id twice', () => file('i.json', set(vector('R01'), vector('R01')))],
  ])('refuses %s with one message, nothing on stdout, and exit 2', (_what, path) => {
    const bad = path()
    const { stdout, stderr, status } = run(file('good.json', set(vector('R09'))), bad)

    expect(stderr.split('\n')).toHaveLength(2)
    expect(stderr).toContain(bad)
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })

  it('refuses an id that another file already has', () => {
    const { stderr, status } = run(file('j.json', set(vector('R01'))), file('k.json', set(vector('R01'))))

    expect(stderr).toContain('repeats the id R01')
    expect(status).toBe(2)
  })

  it('says how it is used when no file is given', () => {
    const { stdout, stderr, status } = run()

    expect(stderr).toMatch(/^Usage: /)
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })

  it('is not disturbed by a reader that goes away', () => {
    const many = file('l.json', set(...Array.from({ length: 900 }, (_, index) => vector(`R${String(index + 100)}`, { title: 'x' }))))
    const { stderr, status } = spawnSync('sh', ['-c', `"${process.execPath}" "${script}" "${many}" | head -n 1`], { encoding: 'utf8' })

    expect(stderr).toBe('')
    expect(status).toBe(0)
  })
})
