// Plain JavaScript with nothing but `node:` imports: in a fresh clone this runs before any dependency exists, on the
// machine's own Node (20 or later). It installs what the lockfile names and goes on in TypeScript under a Node that reads it.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')

/** Runs a script of this folder with dependencies installed and on a Node that runs TypeScript; ends with its exit code. */
export async function bootstrap(script) {
  process.chdir(root)
  await installDependencies()
  const file = join(root, 'scripts', script)
  const node = nodeForTypeScript()
  if (node === process.execPath) {
    // The second start finds everything compiled.
    module.enableCompileCache?.(join(root, 'node_modules/.cache/node'))
    await import(pathToFileURL(file).href)
    return
  }
  const child = spawn(node, [file, ...process.argv.slice(2)], { stdio: 'inherit' })
  forwardSignals(child)
  child.once('error', (error) => fail(`${node} could not be started: ${error.message}`, 'rm -rf node_modules && npm start'))
  child.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

function nodeForTypeScript() {
  if (readsTypeScript(process.versions.node)) return process.execPath
  const ours = join(root, 'node_modules/.bin/node')
  if (existsSync(ours)) return ours
  return fail(
    `Node ${process.versions.node} does not run TypeScript, and the package that brings Node 24 exists for Linux on x64 only.`,
    'install Node 24 (https://nodejs.org, or: nvm install 24) and start again',
  )
}

function readsTypeScript(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/** npm, the terminal and a process manager may all send the same signal; the child hears it once a second. */
function forwardSignals(child) {
  let last = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const now = Date.now()
      if (now - last < 1_000) return
      last = now
      child.kill(signal)
    })
  }
}

async function installDependencies() {
  if (isInstalled()) return
  const release = await onlyOneAtATime(join(root, '.npm-ci.lock'))
  try {
    if (isInstalled()) return
    process.stderr.write('Installing dependencies (npm ci) … ')
    const began = Date.now()
    const result = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'])
    if (result.status !== 0) {
      process.stderr.write('failed\n')
      release()
      const said = `${result.stderr ?? ''}${result.stdout ?? ''}`.trim() || String(result.error ?? 'npm gave no reason')
      fail(`npm ci failed:\n${said.split('\n').slice(-12).join('\n')}`, 'npm ci')
    }
    writeFileSync(hashFile(), lockfileHash())
    process.stderr.write(`${((Date.now() - began) / 1_000).toFixed(0)} s\n`)
  } finally {
    release()
  }
}

/** The very npm that runs us, when there is one. */
function npm(args) {
  const cli = process.env.npm_execpath
  const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024 }
  return cli && /npm-cli\.[cm]?js$/.test(cli) ? spawnSync(process.execPath, [cli, ...args], options) : spawnSync('npm', args, options)
}

const hashFile = () => join(root, 'node_modules/.lockfile-hash')
const lockfileHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')

function isInstalled() {
  if (!existsSync(join(root, 'node_modules'))) return false
  if (existsSync(hashFile()) && readFileSync(hashFile(), 'utf8') === lockfileHash()) return true
  if (!installedMatchesLockfile()) return false
  writeFileSync(hashFile(), lockfileHash())
  return true
}

/** Somebody may have installed by hand: npm's own record of what is there then names the same versions. */
function installedMatchesLockfile() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
    const present = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages
    return Object.entries(wanted).every(([path, { version, optional, peer }]) => {
      if (path === '') return true
      return present[path] ? present[path].version === version : optional || peer
    })
  } catch {
    return false
  }
}

/** `npm start` and `npm test` begun together in a fresh clone must not install into the same folder. */
async function onlyOneAtATime(lock) {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      return () => rmSync(lock, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isRunning(lock)) rmSync(lock, { force: true })
    else await pause(250)
  }
}

function isRunning(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // Made a moment ago, its writer has not come to the number yet.
    if (pid === 0) return true
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function fail(what, mend) {
  process.stderr.write(`${what}\n  mend: ${mend}\n`)
  process.exit(1)
}
