import type { IncomingMessage, ServerResponse } from 'node:http'
import { runInContext } from './context.ts'
import { contractName } from './contract-snapshots.ts'
import {
  type Caller,
  CallerNotAllowed,
  type CallReply,
  ContractMismatch,
  callPath,
  largestCall,
  OperationNotFound,
  readCaller,
  readContext,
} from './contract-wire.ts'
import { type Contract, ContractErrorUndeclared, ContractOutputInvalid, type Operation, withDeadline } from './contracts.ts'
import { type AppError, isAppError, serialiseError } from './errors.ts'
import { BodyTooLarge, Internal, MalformedJson, ValidationFailed } from './http-errors.ts'
import type { Log } from './logging.ts'
import { isModuleName, type ModuleName } from './module-table.ts'
import type { ServiceTokenVerifier } from './service-tokens.ts'
import { describeFaults, validatorOf } from './validation.ts'

/**
 * What modules of this process offer to other processes, behind the internal listener. Who calls is proven before anything else is
 * looked at; input and output are held against the contract; an operation that leaves its time is aborted.
 */
export interface ContractServer {
  offer(contract: Contract, implementation: Readonly<Record<string, AnyOperation>>, callers: readonly Caller[]): void
  /** Answers a request to one of the doors. Never rejects. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Callers keep no connection from now on. */
  drain(): void
}

export type AnyOperation = (input: unknown) => Promise<unknown>

export interface ContractServerNeeds {
  verifier: ServiceTokenVerifier
  /** What a process hosts, by its name. */
  hostedBy: (process: string) => readonly ModuleName[]
  log: Pick<Log, 'warn' | 'error'>
}

interface Offered {
  contract: Contract
  /** As callers name it when they are made for the same. */
  named: string
  declared: Operation
  call: AnyOperation
  callers: readonly string[]
}

export function createContractServer({ verifier, hostedBy, log }: ContractServerNeeds): ContractServer {
  const offers = new Map<string, Offered>()
  const differences = new Set<string>()
  let draining = false

  async function admit(request: IncomingMessage): Promise<Offered & { label: string }> {
    const path = request.url ?? ''
    const [module = '', operation = ''] = path.split('/').slice(2)
    const { token, caller, contract } = readCaller(request.headers)
    const issuer = await verifier.verify(token, module)
    const offered = offers.get(path)
    if (request.method !== 'POST' || !offered) throw OperationNotFound({ module, operation })
    const speaksForIt = isModuleName(caller) ? hostedBy(issuer).includes(caller) : caller === 'platform'
    if (!speaksForIt || !offered.callers.includes(caller)) throw CallerNotAllowed({ caller, module })
    compare(contract, offered.named, issuer)
    return { ...offered, label: `${module}.${operation}` }
  }

  /** Another version is refused; within one, both sides bear what the other adds. */
  function compare(asked: string, offered: string, issuer: string): void {
    if (asked === offered) return
    if (asked.split(':')[0] !== offered.split(':')[0]) throw ContractMismatch({ asked, offered })
    const difference = `${issuer} ${asked}`
    if (differences.has(difference) || differences.size > 1_000) return
    differences.add(difference)
    log.warn({ process: issuer, asked, offered }, 'a process was made with another edition of this contract')
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<Reply> {
    let offered: Awaited<ReturnType<typeof admit>>
    let input: unknown
    const context = readContext(request.headers)
    try {
      offered = await admit(request)
      const valid = validatorOf(offered.declared.input)
      input = await bodyOf(request)
      if (!context)
        throw ValidationFailed({ count: 1 }, { faults: [{ in: 'header', path: '', code: 'invalid', message: 'deadline or principal' }] })
      if (!valid(input)) throw refusedInput(describeFaults(valid.errors))
    } catch (error) {
      const known = isAppError(error) ? error : Internal({}, { cause: error })
      if (!isAppError(error)) log.error({ error }, 'a call of another process could not be read')
      return { status: known.status, body: { refused: serialiseError(known) } }
    }
    const abort = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) abort.abort(new Error('the calling process has gone'))
    })
    const { label, declared, call } = offered
    try {
      const answer = await runInContext(context, () => withDeadline(label, declared.deadlineMs, () => call(input), abort))
      if (answer === undefined && declared.absent) return { status: 204 }
      const fits = validatorOf(declared.output)
      if (!fits(answer)) throw ContractOutputInvalid({ operation: label, faults: describeFaults(fits.errors) })
      return { status: 200, body: { answer } }
    } catch (error) {
      const known = declaredError(label, error)
      if (known.status >= 500 && known.status !== 503) log.error({ operation: label, requestId: context.requestId, error }, 'a call failed')
      return { status: known.status, body: { error: serialiseError(known) } }
    }
  }

  return {
    offer(contract, implementation, callers) {
      const named = contractName(contract)
      for (const [name, declared] of Object.entries(contract.operations)) {
        const call = implementation[name]
        if (!call || declared.unitOnly) continue
        offers.set(callPath(contract, name), { contract, named, declared, call, callers })
      }
    },
    async answer(request, response) {
      const { status, body } = await serve(request, response)
      if (response.destroyed) return
      const text = body === undefined ? '' : JSON.stringify(body)
      response.writeHead(status, {
        ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) }),
        ...(draining || !request.complete ? { connection: 'close' } : {}),
      })
      response.end(text)
    },
    drain() {
      draining = true
    },
  }
}

interface Reply {
  status: number
  body?: CallReply
}

function declaredError(label: string, error: unknown): AppError {
  if (isAppError(error)) return error
  return ContractErrorUndeclared({ operation: label, name: error instanceof Error ? error.name : typeof error }, { cause: error })
}

const refusedInput = (message: string): AppError =>
  ValidationFailed({ count: 1 }, { faults: [{ in: 'body', path: '', code: 'contract', message }] })

function bodyOf(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= largestCall) chunks.push(chunk)
      else reject(BodyTooLarge({ limit: largestCall }))
    })
    request.once('end', () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString()))
      } catch (cause) {
        reject(MalformedJson({}, { cause }))
      }
    })
    // Without its end there is nobody to answer.
    request.once('close', () => {
      if (!request.complete) reject(MalformedJson())
    })
  })
}
