import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { chdir } from 'node:process'
import { architecturePage } from './docs/architecture.ts'
import { openApiDocument } from './docs/openapi.ts'
import { renderEnvExample } from './env-example.ts'

/** `npm run docs` writes the generated pages; `-- --check` writes nothing and fails when one is stale. */

chdir(new URL('..', import.meta.url).pathname)
const pages: Record<string, () => string | Promise<string>> = {
  'docs/architecture.md': architecturePage,
  'contracts/openapi.json': openApiDocument,
  '.env.example': renderEnvExample,
}
const isCheck = process.argv.includes('--check')

for (const [path, render] of Object.entries(pages)) {
  const page = await render()
  if (existsSync(path) && readFileSync(path, 'utf8') === page) {
    process.stdout.write(`docs: ${path} is up to date\n`)
  } else if (isCheck) {
    process.stderr.write(`docs: ${path} is stale. Run npm run docs and commit the result.\n`)
    process.exitCode = 1
  } else {
    writeFileSync(path, page)
    process.stdout.write(`docs: ${path} written\n`)
  }
}
