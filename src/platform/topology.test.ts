import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faultsOf } from '#support/config-faults.ts'
import { writeServiceKeys } from '../../scripts/topology/service-keys.ts'
import { type Config, loadConfig } from './config.ts'

const keys = mkdtempSync(join(tmpdir(), 'bulkhead-topology-'))
writeServiceKeys(keys, { front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'], customer: ['customer'] })

const own = (name: string) => ({ SERVICE_KEY_FILE: join(keys, `${name}.pem`), SERVICE_KEYS_FILE: join(keys, 'processes.json') })
const redis = { REDIS_HOST: '127.0.0.1', REDIS_PASSWORD: 'kJ2l9sQpW7xZ' }
/** Hosts customer and carrier, and finds the rest in another process. */
const back = {
  ...redis,
  ...own('back'),
  MODULES: 'customer,carrier',
  PEERS: 'auth=http://front:7400,user=http://front:7400',
  PROCESS_NAME: 'back',
  CUSTOMER_DB_HOST: '127.0.0.1',
  CARRIER_DB_HOST: '127.0.0.1',
}
const front = {
  ...redis,
  ...own('front'),
  MODULES: 'auth,user,pricing',
  PEERS: 'customer=http://back:7400,carrier=http://back:7400|http://back2:7400/',
  PROCESS_NAME: 'front',
  AUTH_SECRET: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b',
  SHARED_DB_HOST: '127.0.0.1',
  PRICING_DB_HOST: '127.0.0.1',
}

describe('a process that hosts some modules', () => {
  it('TP-17: knows nothing of the databases and secrets of others', () => {
    const stray = {
      AUTH_SECRET: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b',
      SHARED_DB_HOST: 'elsewhere',
      SHARED_DB_PASSWORD: 'aW3kd92LqPz1',
    }

    const config = loadConfig({ ...back, ...stray })

    expect(Object.keys(config.databases)).toEqual(['customer_service_db', 'carrier_service_db'])
    expect(JSON.stringify(config)).not.toMatch(/elsewhere|aW3kd92LqPz1|9f86d081884c7d65/)
  })

  it('finds each of the others at its addresses', () => {
    expect(loadConfig(front)).toMatchObject({
      modules: ['auth', 'user', 'pricing'],
      peers: { customer: ['http://back:7400'], carrier: ['http://back:7400', 'http://back2:7400'] },
      service: { name: 'front', processes: { back: { modules: ['customer', 'carrier'] } } },
    })
  })

  it('takes the plain names for its database when it has one, and usual places for its keys', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bulkhead-plain-'))
    writeServiceKeys(join(folder, 'keys'), { customer: ['customer'], rest: ['auth', 'user', 'carrier', 'pricing'] })
    const database = { DB_HOST: 'db.example', DB_PORT: '3307', DB_NAME: 'customers', DB_USERNAME: 'cora', DB_PASSWORD: 'bW3kd92LqPz2' }
    const plain = {
      MODULES: 'customer',
      PEERS: 'auth=http://rest:7400,user=http://rest:7400',
      REDIS_HOST: 'r',
      REDIS_PORT: '6380',
      REDIS_PASSWORD: 'p',
    }

    const config: Config = loadConfig({ ...plain, ...database, REDIS_KEY_PREFIX: 'c:', BULKHEAD_DATA_DIR: folder })

    expect(config.databases).toMatchObject({
      customer_service_db: { host: 'db.example', port: 3307, schema: 'customers', username: 'cora', password: 'bW3kd92LqPz2' },
    })
    expect(config.service?.name).toBe('customer')
  })

  it('needs no keys and no names while it hosts everything', () => {
    const whole = {
      ...redis,
      AUTH_SECRET: front.AUTH_SECRET,
      SHARED_DB_HOST: 'a',
      CUSTOMER_DB_HOST: 'a',
      CARRIER_DB_HOST: 'a',
      PRICING_DB_HOST: 'a',
    }

    const config = loadConfig(whole)

    expect(config).toMatchObject({ modules: ['auth', 'user', 'customer', 'carrier', 'pricing'], peers: {} })
    expect(config.service).toBeUndefined()
  })
})

describe('TP-02: a topology that cannot work is refused at boot', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['an unknown module', { ...back, MODULES: 'customer,carrier,billing' }, /^MODULES has billing/],
    ['no module at all', { ...back, MODULES: ' , ' }, /^MODULES names no module/],
    [
      'a module both hosted and elsewhere',
      { ...back, PEERS: `${back.PEERS},carrier=http://x:1` },
      /^PEERS names carrier, which is hosted here/,
    ],
    [
      'a need that is nowhere',
      { ...front, PEERS: 'customer=http://back:7400' },
      /^PEERS does not say where carrier is, and pricing needs it/,
    ],
    [
      'nobody to say who asks',
      { ...back, PEERS: 'user=http://front:7400' },
      /^PEERS does not say where auth is, and the public listener needs it/,
    ],
    ['auth without user', { ...front, MODULES: 'auth,pricing', PEERS: `${front.PEERS},user=http://u:1` }, /^MODULES has auth without user/],
    [
      'itself as its peer',
      { ...back, PEERS: back.PEERS.replace('auth=http://front', 'auth=http://localhost') },
      /^PEERS says that auth is at http:\/\/localhost:7400, which is the internal listener of this very process/,
    ],
    [
      'a peer without an address',
      { ...back, PEERS: back.PEERS.replace('auth=http://front:7400', 'auth=front') },
      /^PEERS says that auth is at front, which is not an address/,
    ],
    ['a peer nobody knows', { ...back, PEERS: `${back.PEERS},billing=http://x:1` }, /^PEERS has "billing=http:\/\/x:1"/],
    ['the same peer twice', { ...back, PEERS: `${back.PEERS},user=http://x:1` }, /^PEERS names user twice/],
    ['no private key', { ...back, SERVICE_KEY_FILE: '/nowhere.pem' }, /^SERVICE_KEY_FILE: \/nowhere.pem holds no Ed25519 private key/],
    ['no public keys', { ...back, SERVICE_KEYS_FILE: '/nowhere.json' }, /^SERVICE_KEYS_FILE: \/nowhere.json does not list/],
    [
      'a name that is not in the list',
      { ...back, PROCESS_NAME: 'side' },
      /^PROCESS_NAME is side, which .* does not know; it knows front, back, customer/,
    ],
    ['a name that is none', { ...back, PROCESS_NAME: 'Back office' }, /^PROCESS_NAME is "Back office"/],
    [
      'modules the list does not grant it',
      { ...back, ...own('customer'), PROCESS_NAME: 'customer' },
      /^MODULES has carrier, which .* does not grant to customer/,
    ],
    ['the key of another', { ...back, SERVICE_KEY_FILE: join(keys, 'front.pem') }, /^SERVICE_KEY_FILE: .*front.pem is not the key/],
    ['no database for a module', { ...back, CARRIER_DB_HOST: '' }, /^CARRIER_DB_HOST is missing/],
    ['the plain names for two databases', { ...back, CARRIER_DB_HOST: '', DB_HOST: 'db' }, /^CARRIER_DB_HOST is missing/],
    ['two listeners on one port', { ...back, PORT: '7400' }, /^PORT and INTERNAL_PORT are the same/],
  ])('%s', (_, environment, fault) => {
    expect(faultsOf(environment)).toEqual([expect.stringMatching(fault)])
  })

  it('lists all gaps at once', () => {
    const faults = faultsOf({
      MODULES: 'pricing,billing',
      PEERS: 'customer=nowhere',
      PROCESS_NAME: 'x',
      PORT: '7400',
      SERVICE_KEYS_FILE: '/nowhere',
    })

    expect(faults.map((fault) => fault.split(' ')[0])).toEqual(
      expect.arrayContaining(['MODULES', 'PEERS', 'SERVICE_KEYS_FILE:', 'PRICING_DB_HOST', 'REDIS_HOST', 'PORT']),
    )
  })

  it('refuses in production the secrets of what others host', () => {
    const production = {
      ...back,
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://api.example.com',
      CUSTOMER_DB_PASSWORD: 'bW3kd92LqPz2',
      CARRIER_DB_PASSWORD: 'cW3kd92LqPz3',
    }
    const strays = {
      AUTH_SECRET: 'x',
      SHARED_DB_PASSWORD: 'aW3kd92LqPz1',
      PRICING_DB_MIGRATOR_PASSWORD: 'm',
      BOOTSTRAP_ADMIN_PASSWORD: 'b',
    }

    expect(faultsOf(production)).toEqual([])
    expect(faultsOf({ ...production, ...strays, BOOTSTRAP_ADMIN_EMAIL: 'a@example.com' })).toEqual(
      ['SHARED_DB_PASSWORD', 'PRICING_DB_MIGRATOR_PASSWORD', 'AUTH_SECRET', 'BOOTSTRAP_ADMIN_PASSWORD'].map((name) =>
        expect.stringMatching(new RegExp(`^${name} is set, and .* is hosted by another process`)),
      ),
    )
  })

  it('keeps private keys to their owner', () => {
    expect(readFileSync(join(keys, 'processes.json'), 'utf8')).not.toContain('PRIVATE')
    const before = readFileSync(join(keys, 'back.pem'), 'utf8')

    writeServiceKeys(keys, { front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'], customer: ['customer'] })

    expect(readFileSync(join(keys, 'back.pem'), 'utf8')).toBe(before)
  })
})
