import type { Pool } from 'undici'
import { createGuard, createRepeats, type Guard } from './call-policies.ts'
import { currentContext } from './context.ts'
import { type Answer, post } from './contract-request.ts'
import { contractName } from './contract-snapshots.ts'
import { type Caller, callPath, RemoteOutcomeUnknown, readReply, writeHeaders } from './contract-wire.ts'
import { type Contract, ContractOutputInvalid, DeadlineExceeded, type Operation, withDeadline } from './contracts.ts'
import { DependencyUnavailable } from './dependency-errors.ts'
import { type AppError, isAppError, rebuildError } from './errors.ts'
import { NotReady } from './health-routes.ts'
import type { Log } from './logging.ts'
import type { ServiceTokens } from './service-tokens.ts'
import { describeFaults, openSchema, validatorOf } from './validation.ts'

/**
 * A module in another process, as its callers here see it. What it declares comes back as if it were here; everything else that
 * can go wrong (nobody there, no answer in time, nonsense) is DEPENDENCY_UNAVAILABLE with the module's name, within the deadline
 * of the operation, and the cause in the log says what was wrong at which address.
 */
export interface Peer {
  call(caller: Caller, contract: Contract, operation: string, input: unknown): Promise<unknown>
  /** Milliseconds until one of its addresses said that the module works there. */
  probe(): Promise<number>
}

export interface PeerNeeds {
  module: string
  /** In turn. */
  pools: readonly { url: string; pool: Pool }[]
  tokens: Pick<ServiceTokens, 'tokenFor'>
  observe: PeerObserver
  log: Pick<Log, 'info' | 'warn'>
}

export interface PeerObserver {
  repeated(module: string): void
  changed(module: string, url: string, isOpen: boolean): void
  ended(module: string, operation: string, outcome: 'answer' | 'error' | 'failure', ms: number): void
}

const probeMs = 1_000

interface Target {
  url: string
  pool: Pool
  guard: Guard
}

export function createPeer({ module, pools, tokens, observe, log }: PeerNeeds): Peer {
  const failures = new WeakSet<object>()
  /** Of calls that nobody has begun. */
  const unsent = new WeakSet<object>()
  const isPeerFailure = (error: unknown): boolean =>
    typeof error === 'object' && error !== null && (failures.has(error) || ('code' in error && error.code === DeadlineExceeded.code))
  const repeats = createRepeats({ isPeerFailure, repeated: () => observe.repeated(module) })
  const targets = pools.map(({ url, pool }): Target => {
    const changed = (isOpen: boolean): void => {
      observe.changed(module, url, isOpen)
      if (isOpen) log.warn({ module, url }, 'peer unreachable')
      else log.info({ module, url }, 'peer reachable again')
    }
    return { url, pool, guard: createGuard({ target: module, isPeerFailure, changed }) }
  })
  const contracts = new Map<Contract, string>()
  let turn = 0

  function nameOf(contract: Contract): string {
    const known = contracts.get(contract) ?? contractName(contract)
    contracts.set(contract, known)
    return known
  }

  /** The addresses in turn, those that are known to fail last: when all are, the next one says so. */
  function targetsInTurn(): Target[] {
    const inTurn = [...targets.slice(turn), ...targets.slice(0, turn)]
    turn = (turn + 1) % targets.length
    return [...inTurn.filter(({ guard }) => !guard.isOpen), ...inTurn.filter(({ guard }) => guard.isOpen)]
  }

  function failure(url: string, what: string, cause: unknown): AppError {
    const why = cause instanceof Error ? `: ${cause.message || ('code' in cause ? String(cause.code) : cause.name)}` : ''
    const error = DependencyUnavailable({ dependency: module }, { cause: new Error(`${module} at ${url} ${what}${why}`, { cause }) })
    failures.add(error)
    return error
  }

  /** A failure after which a command may have been carried out: what was answered, if anything, does not tell. */
  function untold({ declared, label }: Request, lost: AppError): AppError {
    if (declared.idempotent) return lost
    const unknown = RemoteOutcomeUnknown({ operation: label }, { cause: lost.cause })
    failures.add(unknown)
    return unknown
  }

  /** One attempt: what the peer said, or a failure. */
  async function send({ url, pool }: Target, request: Request, attempt: number): Promise<unknown> {
    const { caller, contract, operation, declared, body } = request
    const { signal, deadline = 0 } = currentContext()
    const token = await tokens.tokenFor(module)
    const headers = writeHeaders({ caller, token, contract: nameOf(contract), attempt, remainingMs: deadline - performance.now() })
    let answered: Answer
    try {
      answered = await post(pool, { path: callPath(contract, operation), headers, body, signal })
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const lost = failure(url, 'does not answer', error)
      const isUnsent = wasNeverSent(error)
      if (isUnsent) unsent.add(lost)
      throw isUnsent ? lost : untold(request, lost)
    }
    const { status, text } = answered
    if (status === 204 && declared.absent) return undefined
    const reply = readReply(text)
    if (!reply) throw untold(request, failure(url, `answered ${status} with what is no answer to a call`, undefined))
    if ('error' in reply) throw rebuildError(reply.error)
    if ('refused' in reply) {
      const refusal = failure(url, 'refused the call', rebuildError(reply.refused))
      if (reply.refused.code === NotReady.code) unsent.add(refusal)
      throw refusal
    }
    const fits = validatorOf(openSchema(declared.output))
    if (status !== 200 || !fits(reply.answer)) {
      const wrong = ContractOutputInvalid({ operation: request.label, faults: describeFaults(fits.errors) })
      throw untold(request, failure(url, 'answered what its contract does not promise', wrong))
    }
    return reply.answer
  }

  /** An address where nobody began is passed over: to ask the next one is no repeat, so that one of several may come and go. */
  async function sendToOne(request: Request, attempt: number, signal: AbortSignal): Promise<unknown> {
    const inTurn = targetsInTurn()
    for (const [index, target] of inTurn.entries()) {
      let isSent = false
      try {
        return await target.guard.run(() => {
          isSent = true
          return send(target, request, attempt)
        }, signal)
      } catch (error) {
        const isUnsent = !isSent || (typeof error === 'object' && error !== null && unsent.has(error))
        if (!isUnsent || signal.aborted || index === inTurn.length - 1) throw error
      }
    }
    throw new TypeError(`${module} has no address`)
  }

  async function ask(request: Request): Promise<unknown> {
    const { signal, isRepeat } = currentContext()
    if (!signal) throw new TypeError('a remote call has a deadline')
    const { declared } = request
    return repeats.run((attempt) => sendToOne(request, isRepeat ? Math.max(attempt, 2) : attempt, signal), {
      repeatable: declared.kind === 'query' && !isRepeat,
      signal,
    })
  }

  return {
    async call(caller, contract, operation, input) {
      const declared = contract.operations[operation]
      if (!declared || declared.unitOnly) throw new TypeError(`${module}.${operation} is not offered to other processes`)
      const label = `${module}.${operation}`
      const request: Request = { caller, contract, operation, declared, label, body: JSON.stringify(input) }
      const started = performance.now()
      let outcome: 'answer' | 'error' | 'failure' = 'answer'
      try {
        return await withDeadline(label, declared.deadlineMs, () => ask(request))
      } catch (error) {
        outcome = isAppError(error) && !isPeerFailure(error) ? 'error' : 'failure'
        // Too late is no proof that nothing was done.
        if (declared.idempotent || !isAppError(error) || error.code !== DeadlineExceeded.code) throw error
        throw RemoteOutcomeUnknown({ operation: label }, { cause: error })
      } finally {
        observe.ended(module, operation, outcome, performance.now() - started)
      }
    },

    async probe() {
      const started = performance.now()
      const answers = targets.map(async ({ url, pool }) => {
        const reply = await pool.request({ method: 'GET', path: `/health/ready?module=${module}`, signal: AbortSignal.timeout(probeMs) })
        await reply.body.dump()
        if (reply.statusCode !== 200) throw new Error(`${module} at ${url} is not ready: ${reply.statusCode}`)
      })
      await Promise.any(answers)
      return performance.now() - started
    },
  }
}

interface Request {
  caller: Caller
  contract: Contract
  operation: string
  declared: Operation
  label: string
  body: string
}

const neverConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

/** The connection was never there, so nothing can have been done. */
const wasNeverSent = (error: unknown): boolean => error instanceof Error && 'code' in error && neverConnected.has(String(error.code))
