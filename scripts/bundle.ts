import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The programs that production runs, each in one file: loading the dependencies' thousands of small modules one by one
 * costs four times the memory and most of a second.
 *
 *     npm run bundle
 */

const root = resolve(import.meta.dirname, '..')
export const bundleFile = join(root, 'dist/server.mjs')
const hashFile = join(root, 'dist/server.hash')

/** Packages that stay outside: the first holds machine code, the second reads files beside its own. */
const external = ['@node-rs/argon2', '@scalar/fastify-api-reference']

/** The API, and the migrations; making new ones belongs to development. */
const programs = { server: 'src/server.ts', db: 'scripts/db.ts' }
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
  const { build } = await import('esbuild')
  const drafts = join(root, `dist/draft-${process.pid}`)
  try {
    await build({
      entryPoints: Object.entries(programs).map(([out, file]) => ({ out, in: join(root, file) })),
      outdir: drafts,
      outExtension: { '.js': '.mjs' },
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
      logLevel: 'warning',
    })
    // Two starts may build at once; each moves whole files into place.
    for (const program of Object.keys(programs)) renameSync(join(drafts, `${program}.mjs`), join(root, `dist/${program}.mjs`))
  } finally {
    rmSync(drafts, { recursive: true, force: true })
  }
  writeFileSync(hashFile, hash)
}

/** Everything that goes into the file: our sources, the lockfile, this recipe. */
function sourceHash(): string {
  const hash = createHash('sha256')
  mkdirSync(join(root, 'dist'), { recursive: true })
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of [...sources, join(root, 'scripts/db.ts'), join(root, 'package-lock.json'), import.meta.filename]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const built = await bundle()
  process.stdout.write(`${bundleFile.slice(root.length + 1)} ${built ? 'built' : 'is up to date'}\n`)
}
