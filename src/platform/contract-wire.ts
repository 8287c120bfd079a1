import type { IncomingHttpHeaders } from 'node:http'
import Type from 'typebox'
import { type Context, currentContext } from './context.ts'
import type { Contract } from './contracts.ts'
import { defineError, type SerialisedError } from './errors.ts'
import type { ModuleName } from './module-table.ts'
import { PrincipalSchema } from './principal-schema.ts'
import { validatorOf } from './validation.ts'

/** How a contract call looks between two processes: one POST, JSON both ways, and the context of the work in headers. */

export const callPath = ({ door, module }: Pick<Contract, 'door' | 'module'>, operation: string): string =>
  `/${door}/${module}/${operation}`
export const isCall = (url: string): boolean => url.startsWith('/_rpc/') || url.startsWith('/_ops/')
export const largestCall = 1_048_576

/** Who calls: a module of the calling process, or the process itself for what every process needs. */
export type Caller = ModuleName | 'platform'

export const CallerNotAllowed = defineError<{ caller: string; module: string }>({
  code: 'CALLER_NOT_ALLOWED',
  status: 403,
  sentence: 'The caller {caller} may not call {module}. Call from a process that hosts it, and only what its module knows.',
  reason: 'A process called a module for one that it does not host, or that is no neighbour of the called one.',
})
export const OperationNotFound = defineError<{ module: string; operation: string }>({
  code: 'OPERATION_NOT_FOUND',
  status: 404,
  sentence: 'This process offers no operation {operation} of {module} to others. Check PEERS, and the releases on both sides.',
})
export const ContractMismatch = defineError<{ asked: string; offered: string }>({
  code: 'CONTRACT_MISMATCH',
  status: 409,
  sentence: 'The caller was made for {asked}, and {offered} is offered here. Bring both sides to releases that share a version.',
})
export const RemoteOutcomeUnknown = defineError<{ operation: string }>({
  code: 'REMOTE_OUTCOME_UNKNOWN',
  status: 503,
  sentence: 'Whether {operation} was carried out is not known: its answer was lost. Repeat the request with the same Idempotency-Key.',
  remedy: 'Repeat the request with the same Idempotency-Key: what was done is not done twice.',
  retryable: true,
  retryAfter: 1,
})

/**
 * What comes back. `answer` and `error` are said by the operation; `refused` means that the call did not get as far, which is
 * between the processes and never the fault of whoever asked from outside. 204 is the answer undefined.
 */
export type CallReply = { answer: unknown } | { error: SerialisedError } | { refused: SerialisedError }

const Wire = Type.Object({
  code: Type.String({ pattern: '^[A-Z][A-Z0-9_]{0,79}$' }),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  message: Type.String(),
  details: Type.Object({}),
  retryable: Type.Boolean(),
  retryAfter: Type.Optional(Type.Number({ minimum: 0 })),
  faults: Type.Optional(Type.Array(Type.Object({ in: Type.String(), path: Type.String(), code: Type.String(), message: Type.String() }))),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
})

/** The text as a reply, or undefined when it is none. */
export function readReply(text: string): CallReply | undefined {
  let reply: unknown
  try {
    reply = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof reply !== 'object' || reply === null) return undefined
  if ('answer' in reply) return { answer: reply.answer }
  if ('error' in reply && isSerialised(reply.error)) return { error: reply.error }
  if ('refused' in reply && isSerialised(reply.refused)) return { refused: reply.refused }
  return undefined
}

const isSerialised = (value: unknown): value is SerialisedError => validatorOf(Wire)(value)

const names = {
  deadline: 'x-bulkhead-deadline-ms',
  caller: 'x-bulkhead-caller',
  principal: 'x-bulkhead-principal',
  contract: 'x-bulkhead-contract',
  attempt: 'x-bulkhead-attempt',
  correlation: 'x-bulkhead-correlation-id',
  causation: 'x-bulkhead-causation-id',
} as const

export interface CallFacts {
  caller: Caller
  token: string
  contract: string
  attempt: number
  remainingMs: number
}

/** The context of the work under way, as headers; whoever is called goes on in it. */
export function writeHeaders({ caller, token, contract, attempt, remainingMs }: CallFacts): Record<string, string> {
  const { requestId, traceparent, principal, correlationId, causationId } = currentContext()
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'x-request-id': requestId,
    ...(traceparent === undefined ? {} : { traceparent }),
    [names.deadline]: String(Math.max(1, Math.floor(remainingMs))),
    [names.caller]: caller,
    [names.principal]: Buffer.from(JSON.stringify(principal)).toString('base64url'),
    [names.contract]: contract,
    [names.attempt]: String(attempt),
    ...(correlationId === undefined ? {} : { [names.correlation]: correlationId }),
    ...(causationId === undefined ? {} : { [names.causation]: causationId }),
  }
}

/** Read before the token has been checked, and believed by nobody until then. */
export function readCaller(headers: IncomingHttpHeaders): { token: string | undefined; caller: string; contract: string } {
  return {
    token: /^Bearer ([\x21-\x7e]+)$/.exec(headers.authorization ?? '')?.[1],
    caller: textOf(headers[names.caller]) ?? '',
    contract: textOf(headers[names.contract]) ?? '',
  }
}

const longestDeadlineMs = 60_000

/** The context in which a call goes on here. Undefined when a header cannot be read. */
export function readContext(headers: IncomingHttpHeaders): Context | undefined {
  const remainingMs = Number(headers[names.deadline])
  const attempt = Number(headers[names.attempt] ?? '1')
  const principal = readPrincipal(textOf(headers[names.principal]))
  if (!(remainingMs > 0 && remainingMs <= longestDeadlineMs) || !Number.isInteger(attempt) || !principal) return undefined
  const traceparent = textOf(headers.traceparent)
  const correlationId = textOf(headers[names.correlation])
  const causationId = textOf(headers[names.causation])
  return {
    requestId: textOf(headers['x-request-id']) ?? 'process',
    principal,
    deadline: performance.now() + remainingMs,
    ...(attempt > 1 ? { isRepeat: true as const } : {}),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(causationId === undefined ? {} : { causationId }),
  }
}

function readPrincipal(text: string | undefined): Context['principal'] | undefined {
  if (text === undefined) return undefined
  try {
    const principal: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return isPrincipal(principal) ? principal : undefined
  } catch {
    return undefined
  }
}

const isPrincipal = (value: unknown): value is Context['principal'] => validatorOf(PrincipalSchema)(value)

const textOf = (header: string | string[] | undefined): string | undefined => (typeof header === 'string' ? header : undefined)
