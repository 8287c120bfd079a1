import { createHash } from 'node:crypto'
import { Redis as Client, type RedisOptions as RedisOptionsOfClient } from 'ioredis'
import { createBreaker } from './breaker.ts'
import type { RedisSettings } from './config.ts'
import type { DatabaseLog } from './database-transaction.ts'
import { DependencyUnavailable } from './dependency-errors.ts'

/**
 * Redis for the path of requests: fast or not at all. A command that finds Redis away fails within 150 ms, and after five of
 * them at once; nothing is queued for later. Whoever asks must have another way, because nothing in Redis is the truth.
 */

/** Redis as one module sees it: only its own keys. Every method throws DEPENDENCY_UNAVAILABLE when Redis does not serve. */
export interface ModuleRedis {
  /** `<prefix>auth:{s:17}:state`. The part in braces keeps the keys of one thing together in a cluster. */
  key(entity: string, id: string | number, what: string): string
  readonly available: boolean
  get(key: string): Promise<string | undefined>
  /** Every key has an end. */
  set(key: string, value: string, lifetimeMs: number): Promise<void>
  delete(key: string): Promise<void>
  /** Runs a script atomically. `keys` are all the keys it touches, of one thing: a cluster has others on another server. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
}

export interface Script {
  readonly lua: string
  readonly sha: string
  /** Changes nothing, so that an account that may only read its keys may run it. */
  readonly readOnly?: true
}

const shaOf = (lua: string): string => createHash('sha1').update(lua).digest('hex')
export const script = (lua: string): Script => ({ lua, sha: shaOf(lua) })
export const readingScript = (lua: string): Script => ({ lua, sha: shaOf(lua), readOnly: true })

/** A word passed between processes, at most once: nothing is kept for who is not there, and sending never fails aloud. */
export interface RedisChannel {
  publish(message: string): void
  subscribe(listener: (message: string) => void): void
}

export interface Redis {
  readonly available: boolean
  forModule(name: string): ModuleRedis
  /** The name stands after the common beginning of every key. */
  channel(name: string): RedisChannel
  /** Tells whenever a connection stands again: what was said meanwhile has not been heard. */
  onReturn(listener: () => void): void
  /** Milliseconds. Throws DEPENDENCY_UNAVAILABLE. */
  ping(): Promise<number>
  close(): Promise<void>
}

export interface RedisOptions {
  log: DatabaseLog
  commandMs?: number
  connectMs?: number
}

/** What stands in braces decides about the slot of a key. */
const tagOf = (key: string): string | undefined => /\{([^}]+)\}/.exec(key)?.[1]

export function createRedis(settings: RedisSettings, { log, commandMs = 150, connectMs = 500 }: RedisOptions): Redis {
  const target: RedisOptionsOfClient = {
    host: settings.host,
    port: settings.port,
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    connectTimeout: connectMs,
    retryStrategy: (times) => Math.min(times * 50, 1_000),
    keepAlive: 10_000,
    // An account of its own may be refused what only the server's list of clients is for.
    disableClientInfo: true,
  }
  const client = new Client({ ...target, enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: commandMs })
  const breaker = createBreaker({
    changed: (state) => log.warn({ breaker: state }, state === 'open' ? 'redis unreachable' : 'redis reachable again'),
  })
  // The first connection is on its way while the process starts; who asks whether Redis is there waits for its outcome.
  const firstOutcome = new Promise<void>((resolve) => {
    client.once('ready', resolve)
    client.once('error', () => resolve())
  })
  // Every failed attempt to connect comes here, too; the breaker reports the change once.
  client.on('error', () => {})

  const returns: (() => void)[] = []
  const returned = (): void => {
    for (const each of returns) each()
  }
  client.on('ready', () => {
    // It has answered. Whoever looks now need not wait for a probe.
    breaker.succeeded()
    returned()
  })

  const send = async <R>(command: () => Promise<R>): Promise<R> => {
    if (!breaker.admit()) throw DependencyUnavailable({ dependency: 'redis' })
    try {
      const reply = await command()
      breaker.succeeded()
      return reply
    } catch (error) {
      // An error that Redis itself sent (memory or disk full) is an answer: the connection is fine.
      if (error instanceof Error && error.name === 'ReplyError') breaker.succeeded()
      else breaker.failed()
      throw DependencyUnavailable({ dependency: 'redis' }, { cause: error })
    }
  }
  const isAvailable = (): boolean => client.status === 'ready' && breaker.state === 'closed'

  const listeners = new Map<string, ((message: string) => void)[]>()
  let subscriber: Client | undefined

  /** A connection that only listens: it comes back by itself, however long Redis is away, and subscribes anew. */
  function listen(channel: string, listener: (message: string) => void): void {
    if (!subscriber) {
      subscriber = new Client({ ...target, maxRetriesPerRequest: null })
      subscriber.on('error', () => {})
      subscriber.on('ready', returned)
      subscriber.on('message', (from: string, message: string) => {
        for (const each of listeners.get(from) ?? []) each(message)
      })
    }
    const known = listeners.get(channel)
    if (known) known.push(listener)
    else {
      listeners.set(channel, [listener])
      // Rejected when the connection is closed for good before it ever stood.
      subscriber.subscribe(channel).catch(() => {})
    }
  }

  return {
    get available() {
      return isAvailable()
    },
    channel(name) {
      const channel = `${settings.keyPrefix}${name}`
      return {
        publish: (message) => {
          // The breaker says once that Redis is away; what is not sent, its receiver finds out by itself.
          if (client.status === 'ready') send(() => client.publish(channel, message)).catch(() => {})
        },
        subscribe: (listener) => listen(channel, listener),
      }
    },
    forModule(name) {
      const prefix = `${settings.keyPrefix}${name}:`
      const own = (key: string): string => {
        if (!key.startsWith(prefix)) throw new TypeError(`${name} may not touch the key ${key}: its keys begin with ${prefix}`)
        return key
      }
      return {
        key: (entity, id, what) => `${prefix}{${entity}:${id}}:${what}`,
        get available() {
          return isAvailable()
        },
        async get(key) {
          own(key)
          return (await send(() => client.get(key))) ?? undefined
        },
        async set(key, value, lifetimeMs) {
          own(key)
          await send(() => client.set(key, value, 'PX', Math.max(1, Math.round(lifetimeMs))))
        },
        async delete(key) {
          own(key)
          await send(() => client.del(key))
        },
        async run({ lua, sha, readOnly }, keys, args) {
          keys.forEach(own)
          if (new Set(keys.map(tagOf)).size > 1) throw new TypeError(`${keys.join(' and ')} are keys of different things`)
          return send(async () => {
            try {
              return await (readOnly
                ? client.evalsha_ro(sha, keys.length, ...keys, ...args)
                : client.evalsha(sha, keys.length, ...keys, ...args))
            } catch (error) {
              if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
              return readOnly ? client.eval_ro(lua, keys.length, ...keys, ...args) : client.eval(lua, keys.length, ...keys, ...args)
            }
          })
        },
      }
    },
    onReturn: (listener) => void returns.push(listener),
    async ping() {
      await firstOutcome
      const started = performance.now()
      await send(() => client.ping())
      return performance.now() - started
    },
    async close() {
      // What was published just now goes out before; a server that is away is not waited for.
      if (client.status === 'ready') await client.quit().catch(() => {})
      client.disconnect()
      subscriber?.disconnect()
    },
  }
}
