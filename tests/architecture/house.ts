import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { neighbours } from '../../.dependency-cruiser.js'

/** A miniature of the real tree: small enough to read, and clean under every wall. Fixtures are laid over it. */
export function buildHouse(folder: string, overlay: string): void {
  for (const [path, text] of Object.entries(house())) write(join(folder, path), text)
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  cpSync(overlay, folder, { recursive: true })
  // What a fixture takes away: a missing room cannot be laid over.
  const absent = join(folder, 'absent.txt')
  if (existsSync(absent))
    for (const path of readFileSync(absent, 'utf8').trim().split('\n')) rmSync(join(folder, path), { recursive: true })
}

const repository = join(import.meta.dirname, '../..')

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${text.trim()}\n`)
}

const modules = Object.keys(neighbours)
const titled = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`

function house(): Record<string, string> {
  return {
    'package.json': readFileSync(join(repository, 'package.json'), 'utf8'),
    'src/server.ts': `
import { createApp } from './app.ts'
import { loadConfig } from './platform/config.ts'

createApp(loadConfig())`,
    'src/app.ts': `
${modules.map((name) => `import { create${titled(name)} } from './modules/${name}/index.ts'`).join('\n')}
import { eventOperations } from './operations/events.ts'
import { openPool } from './platform/databases.ts'

export const createApp = (config: object) => [config, openPool, eventOperations, ${modules.map((name) => `create${titled(name)}`).join(', ')}]`,
    'src/platform/config.ts': 'export const loadConfig = (environment = process.env) => ({ port: environment.PORT })',
    'src/platform/databases.ts': `
import { createPool } from 'mysql2/promise'

export const openPool = createPool`,
    'src/platform/contracts.ts': 'export const defineContract = (module: string, operations: object) => ({ module, operations })',
    'src/platform/errors.ts': 'export class AppError extends Error {}',
    'src/platform/http.ts': `
import type { FastifyInstance } from 'fastify'
import type { AppError } from './errors.ts'

export type ModuleRoutes = (app: FastifyInstance) => Promise<AppError | undefined>`,
    'src/operations/events.ts': `
import { openPool } from '#platform/databases.ts'

export const eventOperations = [openPool]`,
    'src/modules/pricing/engine/price.ts': `
import Fraction from 'fraction.js'

export const price = (rate: string) => new Fraction(rate)`,
    ...Object.assign({}, ...modules.map(moduleFiles)),
  }
}

function moduleFiles(name: string): Record<string, string> {
  const title = titled(name)
  const inside = `src/modules/${name}`
  return {
    [`${inside}/README.md`]: `# ${title}`,
    [`${inside}/index.ts`]: `
/** ${title}. Owns its table, offers ${title}Service, publishes nothing, hears nothing. */
export { ${name}Contract, type ${title}Service } from './contract.ts'
export { create${title} } from './module.ts'`,
    [`${inside}/contract.ts`]: `
import Type, { type Static } from 'typebox'
import { defineContract } from '#platform/contracts.ts'

const ${title} = Type.Object({ id: Type.Integer() })
export const ${name}Contract = defineContract('${name}', { get${title}: ${title} })
export interface ${title}Service { get${title}: (input: { id: number }) => Promise<Static<typeof ${title}> | undefined> }`,
    [`${inside}/module.ts`]: `
import { create${title}Repository } from './repository.ts'
import { ${name}Routes } from './routes.ts'
import { create${title}Service } from './service.ts'

export const create${title} = () => ({ plugin: ${name}Routes(create${title}Service({ repository: create${title}Repository() })) })`,
    [`${inside}/routes.ts`]: `
import type { ModuleRoutes } from '#platform/http.ts'
import { IdParams } from './schemas.ts'
import type { create${title}Service } from './service.ts'

export const ${name}Routes = (service: ReturnType<typeof create${title}Service>): ModuleRoutes => async (app) => {
  app.get('/v1/${name}/:id', { schema: { params: IdParams } }, () => service)
}`,
    [`${inside}/schemas.ts`]: `
import Type from 'typebox'

export const IdParams = Type.Object({ id: Type.Integer() })`,
    [`${inside}/service.ts`]: `
${name === 'pricing' ? "import { price } from './engine/price.ts'\n" : ''}import type { create${title}Repository } from './repository.ts'

interface Needs { repository: ReturnType<typeof create${title}Repository> }
export const create${title}Service = ({ repository }: Needs) => [repository${name === 'pricing' ? ', price' : ''}]`,
    [`${inside}/repository.ts`]: `
import { eq } from 'drizzle-orm'
import { ${name}Rows } from './tables.ts'

export const create${title}Repository = () => ({ byId: (id: number) => eq(${name}Rows.id, id) })`,
    [`${inside}/tables.ts`]: `
import { int, mysqlTable } from 'drizzle-orm/mysql-core'

export const ${name}Rows = mysqlTable('${name}_rows', { id: int('id').primaryKey() })`,
  }
}
