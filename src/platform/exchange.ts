import { createPrivateKey, createPublicKey } from 'node:crypto'
import { Pool } from 'undici'
import type { Config } from './config.ts'
import { createPeer, type Peer, type PeerObserver } from './contract-peer.ts'
import { type AnyOperation, type ContractServer, createContractServer } from './contract-server.ts'
import type { Caller } from './contract-wire.ts'
import { type Contract, type ContractOf, offer } from './contracts.ts'
import { DependencyUnavailable } from './dependency-errors.ts'
import type { Component } from './health.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { callsOf, isModuleName, type ModuleName, moduleNames } from './module-table.ts'
import { createServiceTokens, createServiceTokenVerifier, type ServiceTokens } from './service-tokens.ts'

/**
 * Where contracts change hands. A module that is hosted here offers its implementation, to neighbours here and in other processes;
 * of one that is not, its peer is lent under the same type. Neither side can tell which it is.
 */
export interface Exchange {
  /** `implementation` is undefined for a module that another process hosts. */
  offer<C extends Contract>(contract: C, implementation: ContractOf<C> | undefined, callers?: readonly Caller[]): Lendable<C>
  /** What other processes may call; undefined when this one has no name among them. */
  readonly server: ContractServer | undefined
  /** Which caller was lent which module, and where that is: the call itself, or its addresses. */
  lent(): readonly LentContract[]
  /** The modules elsewhere that modules of this process do not work without. */
  components(): Component[]
  close(): Promise<void>
}

export interface LentContract {
  readonly caller: Caller
  readonly module: string
  readonly at: 'here' | readonly string[]
}

export interface Lendable<C extends Contract> {
  /** The contract, for this caller. Throws where the table of modules does not let it call. */
  to(caller: Caller): ContractOf<C>
}

export interface ExchangeNeeds {
  config: Pick<Config, 'transport' | 'modules' | 'peers' | 'service'>
  metrics: Metrics
  log: Pick<Log, 'info' | 'warn' | 'error'>
}

/** The server keeps silent connections for 65 s; new replicas behind one name are found within 30. */
const poolOptions = {
  connections: 16,
  clientTtl: 30_000,
  keepAliveTimeout: 30_000,
  keepAliveMaxTimeout: 30_000,
  connect: { timeout: 250 },
  // Every call has a deadline of its own, which ends it earlier.
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
} satisfies Pool.Options

export function createExchange({ config, metrics, log }: ExchangeNeeds): Exchange {
  const { service, peers: addresses } = config
  const tallies: Tally[] = []
  metrics.counter(
    'bulkhead_contract_calls_total',
    'Calls of contracts, the same in every transport',
    ['caller', 'module', 'operation'],
    (calls) => {
      for (const { count, ...edge } of tallies) if (count > 0) calls.inc(edge, count)
    },
  )
  const tokens = service && createServiceTokens({ name: service.name, key: createPrivateKey(service.privateKey) })
  const server = service && createServer(service, log)
  const pools = new Map<string, Pool>()
  const peers = new Map<ModuleName, Peer>()
  const observe = createObserver(metrics)
  const lent: LentContract[] = []
  /** Modules elsewhere without which this process cannot do all of its own work; operators ask more of them. */
  const needed = new Set<ModuleName>()

  function poolOf(url: string): Pool {
    const pool = pools.get(url) ?? new Pool(url, poolOptions)
    pools.set(url, pool)
    return pool
  }

  function peerOf(module: ModuleName, ticket: ServiceTokens): Peer {
    const urls = addresses[module] ?? []
    if (urls.length === 0) throw new TypeError(`${module} is neither hosted here nor named in PEERS`)
    const peer =
      peers.get(module) ?? createPeer({ module, pools: urls.map((url) => ({ url, pool: poolOf(url) })), tokens: ticket, observe, log })
    peers.set(module, peer)
    return peer
  }

  /** Operators may ask any process for everything; one that does its own work without a module need not know where that is. */
  const isUnknown = ({ door, module }: Contract): boolean => door === '_ops' && isModuleName(module) && !addresses[module]

  /** Each operation as a call of the peer. Those of the unit alone throw when they are called: a unit is hosted together. */
  function remote(contract: Contract, caller: Caller): Record<string, AnyOperation> {
    if (!isModuleName(contract.module) || !tokens) throw new TypeError(`${contract.module} cannot be called in another process`)
    const operations = Object.keys(contract.operations)
    if (isUnknown(contract)) {
      const refuse = async (): Promise<never> => {
        throw DependencyUnavailable({ dependency: contract.module }, { cause: `PEERS does not name ${contract.module}` })
      }
      return Object.fromEntries(operations.map((name) => [name, refuse]))
    }
    const peer = peerOf(contract.module, tokens)
    if (contract.door === '_rpc') needed.add(contract.module)
    return Object.fromEntries(operations.map((name) => [name, (input: unknown) => peer.call(caller, contract, name, input)]))
  }

  /** Once for each pair, and of the process itself only what it asks of others. */
  function note(caller: Caller, module: string, isHere: boolean): void {
    if (lent.some((edge) => edge.caller === caller && edge.module === module) || (isHere && caller === 'platform')) return
    lent.push({ caller, module, at: (isModuleName(module) && !isHere && addresses[module]) || 'here' })
  }

  function counted(contract: Contract, caller: Caller, operations: Readonly<Record<string, AnyOperation>>): Record<string, AnyOperation> {
    return Object.fromEntries(
      Object.entries(operations).map(([operation, call]) => {
        // All that stands between a caller and an implementation in the same process: a number, and no promise of its own.
        const tally: Tally = { caller, module: contract.module, operation, count: 0 }
        tallies.push(tally)
        const carried = (input: unknown): Promise<unknown> => {
          tally.count += 1
          return call(input)
        }
        return [operation, carried]
      }),
    )
  }

  return {
    offer<C extends Contract>(contract: C, implementation: ContractOf<C> | undefined, callers: readonly Caller[] = callersOf(contract)) {
      const local = implementation && offer(contract, implementation, { transport: config.transport })
      // The names of the operations are checked by the type of the contract; behind it all are functions of unknown to unknown.
      if (implementation) server?.offer(contract, implementation as Readonly<Record<string, AnyOperation>>, callers)
      return {
        to(caller) {
          if (!callers.includes(caller)) throw new TypeError(`${caller} does not know ${contract.module}: see the table of modules`)
          const operations = local ? (local as Readonly<Record<string, AnyOperation>>) : remote(contract, caller)
          if (local || !isUnknown(contract)) note(caller, contract.module, local !== undefined)
          return Object.freeze(counted(contract, caller, operations)) as ContractOf<C>
        },
      }
    },
    server,
    lent: () => lent,
    components: () =>
      [...peers]
        .filter(([module]) => needed.has(module))
        .map(([module, peer]) => ({
          name: `module ${module}`,
          modules: config.modules.filter((own) => callsOf(own).includes(module)),
          probe: async () => ({ latencyMs: await peer.probe() }),
        })),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}

interface Tally {
  readonly caller: Caller
  readonly module: string
  readonly operation: string
  count: number
}

const callersOf = ({ module }: Contract): readonly Caller[] =>
  moduleNames.filter((caller) => callsOf(caller).some((called) => called === module))

function createServer({ processes }: NonNullable<Config['service']>, log: ExchangeNeeds['log']): ContractServer {
  const keys = new Map(Object.entries(processes).map(([name, { publicKey }]) => [name, createPublicKey(publicKey)]))
  return createContractServer({ verifier: createServiceTokenVerifier({ keys }), hostedBy: (name) => processes[name]?.modules ?? [], log })
}

function createObserver(metrics: Metrics): PeerObserver {
  const durations = metrics.histogram('bulkhead_remote_call_duration_seconds', 'Calls of modules in other processes, repeats included', [
    'module',
    'operation',
    'outcome',
  ])
  const repeats = metrics.counter('bulkhead_remote_calls_repeated_total', 'Repeats of calls whose first attempt failed', ['module'])
  const open = metrics.gauge('bulkhead_peer_open', '1 while calls of this address are refused without an attempt', ['module', 'url'])
  return {
    repeated: (module) => repeats.inc({ module }),
    changed: (module, url, isOpen) => open.set({ module, url }, isOpen ? 1 : 0),
    ended: (module, operation, outcome, ms) => durations.observe({ module, operation, outcome }, ms / 1_000),
  }
}
