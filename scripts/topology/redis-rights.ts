import { createHash } from 'node:crypto'
import type { Config } from '../../src/platform/config.ts'
import { sourceOf } from '../../src/platform/database-names.ts'
import { callsOf, type ModuleName, moduleTable } from '../../src/platform/module-table.ts'
import { Failure } from '../servers/failure.ts'

type Hosted = Pick<Config, 'modules' | 'service'> & { redis: Pick<Config['redis'], 'keyPrefix'> }

/** What the platform sends, in scripts and by itself; neither a look through all keys nor a word to the server as a whole. */
const commands = [
  ...['ping', 'info', 'quit', 'publish', 'subscribe', 'unsubscribe', 'eval', 'evalsha', 'eval_ro', 'evalsha_ro', 'time'],
  ...['get', 'set', 'del', 'incrby', 'pexpire', 'pttl', 'hset', 'hdel', 'hgetall', 'xadd', 'xtrim', 'xrange', 'xrevrange'],
]

/**
 * The rights of a process in Redis: the keys of its modules and the limits that all processes count together; the streams of its own
 * databases; and of those its modules hear, to read them and to say how far it is.
 */
export function redisRights({ modules, service, redis: { keyPrefix } }: Hosted): string[] {
  const prefix = escaped(keyPrefix)
  const own = sourcesOf(modules)
  const heard = sourcesOf(modules.flatMap(callsOf)).filter((source) => !own.includes(source))
  return [
    ...[...modules, 'platform'].map((module) => `~${prefix}${module}:*`),
    ...(service ? own.map((source) => `~${prefix}ev:{${source}:*`) : []),
    ...heard.flatMap((source) => [`%R~${prefix}ev:{${source}:*`, `~${prefix}ev:{${source}:*}:g*:acks`]),
    `&${prefix}ev:look`,
    ...own.map((source) => `&${prefix}ev:{${source}}:*`),
    ...heard.map((source) => `&${prefix}ev:{${source}}:streamed`),
    ...commands.map((command) => `+${command}`),
  ]
}

const sourcesOf = (modules: readonly ModuleName[]): string[] => [
  ...new Set(modules.map((module) => sourceOf(moduleTable[module].database))),
]

/** The rights as one command. The password is the one in the settings; who reads the line learns it as little as who asks Redis. */
export function redisAccount(config: Pick<Config, 'modules' | 'service' | 'redis'>): string {
  const { username, password, keyPrefix } = config.redis
  const missing = [...(username === undefined ? ['REDIS_USERNAME'] : []), ...(password === undefined ? ['REDIS_PASSWORD'] : [])]
  if (username === undefined || password === undefined)
    throw new Failure({
      what: `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
      why: 'The account is the one that the process will log in with; nothing is made up for it.',
      mend: 'name both in the settings of the process, a different password for each',
    })
  if (/[\s"'\\]/.test(username + keyPrefix))
    throw new Failure({
      what: `REDIS_USERNAME or REDIS_KEY_PREFIX contains a blank, a quote or a backslash.`,
      why: 'Redis takes neither in the name of an account nor in a rule without quotes.',
      mend: 'choose letters, digits, hyphens and colons',
    })
  const hash = createHash('sha256').update(password).digest('hex')
  return ['ACL SETUSER', username, 'reset', 'on', `#${hash}`, ...redisRights(config)].join(' ')
}

/** Signs that stand for others in a rule. */
const escaped = (text: string): string => text.replace(/[*?[\]\\]/g, '\\$&')
