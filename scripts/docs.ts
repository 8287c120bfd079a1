import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { chdir } from 'node:process'
import { architecturePage } from './docs/architecture.ts'

/** `npm run docs` writes the generated pages; `-- --check` writes nothing and fails when one is stale. */

chdir(new URL('..', import.meta.url).pathname)
const path = 'docs/architecture.md'
const page = await architecturePage()

if (process.argv.includes('--check')) {
  const isStale = readFileSync(path, 'utf8') !== page
  if (isStale) process.stderr.write(`docs: ${path} is stale. Run npm run docs and commit the result.\n`)
  process.exitCode = isStale ? 1 : 0
} else {
  mkdirSync('docs', { recursive: true })
  writeFileSync(path, page)
  process.stdout.write(`docs: ${path} written\n`)
}
