import { loadConfig, loadMigratorConfig, settingNames } from '#platform/config.ts'
import { type Composition, interpolate, type Service, variablesOf } from './compose-files.ts'

/** What must hold for every composition beyond its schema. Each rule returns a sentence per fault. */
export type Rule = (composition: Composition) => string[]

const each = (composition: Composition, check: (name: string, service: Service) => (string | false | undefined)[]): string[] =>
  Object.entries(composition.services).flatMap(([name, service]) => check(name, service).filter((fault) => typeof fault === 'string'))

const isOurs = (service: Service): boolean => service.build !== undefined
const isOneShot = (service: Service): boolean => service.restart === 'no'
const texts = (service: Service): [string, string][] =>
  Object.entries(service.environment ?? {}).map(([name, value]) => [name, value === null ? '' : String(value)])

/** A name and a minor version, so that a rebuild next year is the same servers. */
const pinned = /^[a-z0-9./-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/

const designPorts: Record<string, string> = {
  api: '3000',
  'shared-database': '3306',
  'customer-service-db': '3309',
  'carrier-service-db': '3310',
  'pricing-service-db': '3311',
  'business-database': '3309',
  'shared-redis': '6379',
}

const secretName = /(PASSWORD|SECRET|TOKEN|_AUTH|KEY)$/

/** Each of these is asked for by its name and has no fallback. */
const asked = /^\$\{[A-Z_]+:\?[^}]+\}$/
/** An administrator is optional, so those two may be empty; never a value. */
const askedOrEmpty = /^\$\{BOOTSTRAP_ADMIN_PASSWORD:-\}$/

export const rules = {
  'image-pinned': (composition) =>
    each(composition, (name, { image }) => [
      !pinned.test(image ?? '') && `${name}: pin the image to a minor version; ${image ?? 'none'} may change under us`,
    ]),

  'health-check': (composition) =>
    each(composition, (name, { healthcheck }) => [
      (healthcheck?.test === undefined || healthcheck.disable === true) && `${name}: give it a health check, others wait for it`,
    ]),

  'waits-for-health': (composition) =>
    each(composition, (name, service) =>
      Object.entries(service.depends_on ?? {}).map(([other, { condition }]) => {
        const target = composition.services[other]
        if (!target) return `${name}: depends on ${other}, which is not there`
        const right = isOneShot(target) ? 'service_completed_successfully' : 'service_healthy'
        return condition !== right && `${name}: must wait for ${other} with ${right}, not ${condition}`
      }),
    ),

  'no-secret-literal': (composition) =>
    each(composition, (name, service) =>
      texts(service).map(
        ([variable, value]) =>
          secretName.test(variable) &&
          variable !== 'MYSQL_RANDOM_ROOT_PASSWORD' &&
          !asked.test(value) &&
          !askedOrEmpty.test(value) &&
          `${name}: ${variable} must be asked for with \${NAME:?…}; secrets do not stand in files that are committed`,
      ),
    ),

  ports: (composition) =>
    each(composition, (name, service) => {
      const published = (service.ports ?? []).map((port) => port.split(':'))
      const wanted = designPorts[name]
      const found = published.map((parts) => parts.at(-2))
      return [
        (found.length !== (wanted === undefined ? 0 : 1) || found[0] !== wanted) &&
          `${name}: publishes ${found.join(', ') || 'no port'}, the design says ${wanted ?? 'none'}`,
        ...published.map(
          (parts) => name !== 'api' && parts[0] !== '127.0.0.1' && `${name}: publish on 127.0.0.1 only, it is not for the world`,
        ),
      ]
    }),

  'named-volumes': (composition) =>
    each(composition, (name, service) => [
      ...(service.volumes ?? []).map((volume) => {
        const [source = '', , mode] = volume.split(':')
        if (source.startsWith('.')) return mode !== 'ro' && `${name}: ${volume} must be read-only`
        return !(source in (composition.volumes ?? {})) && `${name}: ${volume} is not a named volume of this composition`
      }),
      !isOurs(service) &&
        !(service.volumes ?? []).some((volume) => /^[a-z-]+:\/(var\/lib\/mysql|data)$/.test(volume)) &&
        `${name}: keep its data in a named volume`,
    ]),

  'memory-limit': (composition) => each(composition, (name, { mem_limit }) => [mem_limit === undefined && `${name}: set mem_limit`]),

  'non-root': (composition) =>
    each(composition, (name, { user }) => [(user === undefined || /^(root|0)(:|$)/.test(user)) && `${name}: name a user that is not root`]),

  'one-network': (composition) =>
    each(composition, (name, { networks }) => [
      networks?.join() !== 'bulkhead' && `${name}: belongs to the network bulkhead and to no other`,
    ]),

  'known-settings': (composition) =>
    each(composition, (name, service) => {
      const unknown = isOurs(service) ? texts(service).filter(([variable]) => !settingNames.includes(variable)) : []
      return unknown.map(([variable]) => `${name}: ${variable} is no setting of Bulkhead; see .env.example`)
    }),

  'no-setting-missing': (composition) => [
    ...complaintsOf(() => loadConfig(environmentOf(composition, 'api'))).map((fault) => `api: ${fault}`),
    ...complaintsOf(() => loadMigratorConfig(environmentOf(composition, 'migrate'))).map((fault) => `migrate: ${fault}`),
  ],

  'servers-are-there': (composition) =>
    ['api', 'migrate'].flatMap((name) =>
      Object.entries(environmentOf(composition, name))
        .filter(([variable]) => /^(REDIS|[A-Z]+_DB)_HOST$/.test(variable))
        .filter(([, host]) => !(host in composition.services))
        .map(([variable, host]) => `${name}: ${variable} names ${host}, which is no service of this composition`),
    ),

  'least-privilege': (composition) =>
    each(composition, (name, service) =>
      texts(service).map(
        ([variable]) =>
          name === 'api' &&
          variable.includes('MIGRATOR') &&
          `${name}: ${variable} is for the migrations only; the API never changes tables`,
      ),
    ),
} as const satisfies Record<string, Rule>

/** The environment of a service as its process sees it, with a strong value for everything that is asked for. */
export function environmentOf(composition: Composition, name: string): Record<string, string> {
  const service = composition.services[name] ?? {}
  const values = Object.fromEntries(
    texts(service)
      .flatMap(([, value]) => variablesOf(value))
      .filter(({ required }) => required)
      .map(({ name: asked }) => [asked, `${asked}-q8Zr2Lx9Vw4Tn6Ks1Yd3Hb7Pm5Jc0Gf`]),
  )
  return Object.fromEntries(texts(service).map(([variable, value]) => [variable, interpolate(value, values)]))
}

function complaintsOf(load: () => unknown): string[] {
  try {
    load()
    return []
  } catch (error) {
    return error instanceof Error && 'faults' in error && Array.isArray(error.faults) ? error.faults : [String(error)]
  }
}
