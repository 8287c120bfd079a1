import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure } from './servers/failure.ts'

/**
 * The programs that production runs, in a few files: loading the dependencies' thousands of small modules one by one costs
 * four times the memory and most of a second. What the sources import late (`await import(…)`) stays in files of its own.
 *
 *     npm run bundle
 */

const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'dist')
const hashFile = join(dist, 'server.hash')

/** Stays outside: it holds machine code. */
const external = ['@node-rs/argon2']

/** The API, and what its operators run beside it: migrations (making new ones belongs to development), administrators, events. */
const programs = { server: 'src/server.ts', db: 'scripts/db.ts', admin: 'scripts/admin.ts', events: 'scripts/events.ts' }
export const programFile = (name: keyof typeof programs): string => join(dist, `${name}.mjs`)
export const bundleFile = programFile('server')
const development = ['./db/generate.ts']

/** Some dependencies are CommonJS and call `require` for what Node itself brings. */
const banner = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`

/** Builds it when the sources or the dependencies have changed; says whether it did. */
export async function bundle({
  onBuild = (build) => build(),
}: {
  onBuild?: (build: () => Promise<void>) => Promise<void>
} = {}): Promise<boolean> {
  const hash = sourceHash()
  if (existsSync(bundleFile) && existsSync(hashFile) && readFileSync(hashFile, 'utf8') === hash) return false
  await onBuild(() => buildFile(hash))
  return true
}

async function buildFile(hash: string): Promise<void> {
  // Not among the imports above: a start that has nothing to build does not load it.
  const { build, stop } = await import('esbuild')
  const drafts = join(dist, `draft-${process.pid}`)
  try {
    await build({
      entryPoints: Object.entries(programs).map(([out, file]) => ({ out, in: join(root, file) })),
      outdir: drafts,
      outExtension: { '.js': '.mjs' },
      splitting: true,
      // A late import of a CommonJS package would lose its names; the same package as a module keeps them.
      mainFields: ['module', 'main'],
      chunkNames: 'part-[hash]',
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      external: [...external, ...development],
      banner: { js: banner },
      // Names stay readable in stack traces.
      minifySyntax: true,
      minifyWhitespace: true,
      keepNames: true,
      legalComments: 'none',
      logLevel: 'silent',
    }).catch(refuse)
    // Two starts may build at once: parts carry their content in their name, programs come last and as whole files.
    const [parts, whole] = [readdirSync(drafts).filter(isPart), Object.keys(programs).map((program) => `${program}.mjs`)]
    for (const file of [...parts, ...whole]) renameSync(join(drafts, file), join(dist, file))
    forgetParts(parts)
  } finally {
    rmSync(drafts, { recursive: true, force: true })
    // Its service would stay as long as we do.
    await stop()
  }
  writeFileSync(hashFile, hash)
}

function refuse(error: unknown): never {
  const errors: { text: string; location: { file: string; line: number } | null }[] =
    typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  if (errors.length === 0) throw error
  throw new Failure({
    what: 'The program cannot be built from these sources.',
    why: errors.map(({ text, location }) => `${location ? `${location.file}:${location.line} ` : ''}${text}`).join('\n        '),
    mend: 'correct the lines above; npm test shows what else is wrong',
  })
}

const isPart = (file: string): boolean => /^part-.*\.mjs$/.test(file)

/** A process of the build before may still load its parts; a day later it is thought gone. */
function forgetParts(current: readonly string[]): void {
  for (const file of readdirSync(dist).filter(isPart)) {
    if (!current.includes(file) && statSync(join(dist, file)).mtimeMs < Date.now() - 86_400_000) rmSync(join(dist, file), { force: true })
  }
}

/** Everything that goes into the file: our sources, the lockfile, this recipe. */
function sourceHash(): string {
  const hash = createHash('sha256')
  mkdirSync(dist, { recursive: true })
  const sources = ['src', 'scripts']
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(ts|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of [...sources, join(root, 'package-lock.json')]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const built = await bundle()
  process.stdout.write(`${bundleFile.slice(root.length + 1)} ${built ? 'built' : 'is up to date'}\n`)
}
