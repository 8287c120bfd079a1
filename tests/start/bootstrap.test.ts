import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const scripts = resolve(import.meta.dirname, '../../scripts')

/** Stands in for npm: notes that it ran and leaves the record that npm leaves. */
const fakeNpm = `
const { appendFileSync, cpSync, mkdirSync, rmSync } = require('node:fs')
appendFileSync('npm-runs', process.argv.slice(2).join(' ') + '\\n')
if (process.env.NPM_FAILS) { console.error('npm error code ENOTFOUND'); process.exit(1) }
rmSync('node_modules', { recursive: true, force: true })
mkdirSync('node_modules')
cpSync('package-lock.json', 'node_modules/.package-lock.json')
`

describe('the way from a fresh clone into the scripts', () => {
  let clone: string
  beforeEach(() => {
    clone = mkdtempSync(join(tmpdir(), 'bulkhead-clone-'))
    mkdirSync(join(clone, 'scripts'))
    for (const file of ['bootstrap.mjs', 'start.mjs']) cpSync(join(scripts, file), join(clone, 'scripts', file))
    writeFileSync(
      join(clone, 'scripts/start.ts'),
      "const greeting: string = 'started'\nconsole.log(greeting, process.argv.slice(2).join(' '))\n",
    )
    writeFileSync(join(clone, 'npm-cli.js'), fakeNpm)
    lockfile('1.0.0')
  })
  afterEach(() => rmSync(clone, { recursive: true, force: true }))

  const lockfile = (version: string): void =>
    writeFileSync(join(clone, 'package-lock.json'), JSON.stringify({ packages: { '': {}, 'node_modules/one': { version } } }))
  const environment = (more: Record<string, string> = {}) => ({ ...process.env, npm_execpath: join(clone, 'npm-cli.js'), ...more })
  const start = (more: Record<string, string> = {}) =>
    spawnSync(process.execPath, ['scripts/start.mjs', '--flag'], { cwd: clone, encoding: 'utf8', env: environment(more) })
  const installs = (): number =>
    existsSync(join(clone, 'npm-runs')) ? readFileSync(join(clone, 'npm-runs'), 'utf8').trim().split('\n').length : 0

  it('installs what the lockfile names, says so, and goes on in TypeScript with the same arguments', () => {
    const run = start()

    expect(run.stdout).toBe('started --flag\n')
    expect(run.stderr).toContain('Installing dependencies (npm ci)')
    expect(readFileSync(join(clone, 'npm-runs'), 'utf8')).toMatch(/^ci /)
  })

  it('installs nothing the second time', () => {
    start()
    const second = start()

    expect(second.stderr).toBe('')
    expect(installs()).toBe(1)
  })

  it('installs again when the lockfile names something else', () => {
    start()
    lockfile('2.0.0')
    start()

    expect(installs()).toBe(2)
  })

  it('believes an installation made by hand', () => {
    spawnSync(process.execPath, ['npm-cli.js', 'install'], { cwd: clone })
    start()

    expect(installs()).toBe(1)
  })

  it('installs once when two commands begin together', async () => {
    const both = [1, 2].map(() => spawn(process.execPath, ['scripts/start.mjs'], { cwd: clone, env: environment(), stdio: 'ignore' }))
    const codes = await Promise.all(both.map(async (child) => (await once(child, 'exit'))[0]))

    expect(codes).toEqual([0, 0])
    expect(installs()).toBe(1)
  })

  it('goes on after an installation that was killed', () => {
    writeFileSync(join(clone, '.npm-ci.lock'), '999999999')

    expect(start().stdout).toContain('started')
  })

  it('says what npm said and the line that repeats it', () => {
    const run = start({ NPM_FAILS: 'yes' })

    expect(run.status).toBe(1)
    expect(run.stderr).toContain('npm error code ENOTFOUND')
    expect(run.stderr).toContain('mend: npm ci')
  })
})
