import type { DatabaseName } from './database-names.ts'

/**
 * Which modules there are, by name only: where each keeps its data, whom it calls, and which addresses of the surface are its
 * own. Settings and boot checks reckon with this table before any module is made; tests hold it against the import rules, the
 * subscriptions and the routes.
 */
export const moduleTable = {
  user: { database: 'shared_user_db', calls: [], paths: ['/v1/permissions', '/v1/roles', '/v1/users'] },
  auth: { database: 'shared_user_db', calls: ['user'], paths: ['/.well-known/jwks.json', '/v1/auth'] },
  customer: { database: 'customer_service_db', calls: ['user'], paths: ['/v1/customers'] },
  carrier: { database: 'carrier_service_db', calls: ['user'], paths: ['/v1/carriers'] },
  pricing: {
    database: 'pricing_service_db',
    calls: ['customer', 'carrier'],
    paths: ['/v1/pricing-rules', '/v1/quotes', '/v1/rates', '/v1/tariffs'],
  },
} as const satisfies Record<string, ModuleEntry>

interface ModuleEntry {
  readonly database: DatabaseName
  /** Its neighbours; what it hears is published by one of them. */
  readonly calls: readonly string[]
  readonly paths: readonly string[]
}

export type ModuleName = keyof typeof moduleTable

export const moduleNames: readonly ModuleName[] = ['auth', 'user', 'customer', 'carrier', 'pricing']

export const isModuleName = (text: string): text is ModuleName => Object.hasOwn(moduleTable, text)

/** Whom a module calls. */
export const callsOf = (module: ModuleName): readonly ModuleName[] => moduleTable[module].calls

/** The modules that share its database, itself among them: they leave the house together or not at all. */
export const unitOf = (module: ModuleName): readonly ModuleName[] =>
  moduleNames.filter((other) => moduleTable[other].database === moduleTable[module].database)

/** The module that stands for a database where it is asked for as a whole: of auth and user, the one that others call. */
export function ownerOf(database: DatabaseName): ModuleName {
  const owner = moduleNames.findLast((module) => moduleTable[module].database === database)
  if (!owner) throw new TypeError(`no module keeps its data in ${database}`)
  return owner
}

/** The module that an address of the surface belongs to; undefined for those of the platform. */
export function moduleOfPath(path: string): ModuleName | undefined {
  return moduleNames.find((module) => moduleTable[module].paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)))
}
