import Type, { type Static, type TSchema } from 'typebox'
import { currentContext, runInContext } from './context.ts'
import { defineError, isAppError, rebuildError, type SerialisedError, serialiseError } from './errors.ts'
import { describeFaults, validatorOf } from './validation.ts'

/**
 * A module's published interface: operations with schemas, from which the type, the snapshot and every transport are made.
 * An operation takes one object of plain JSON and returns a promise of plain JSON, or of undefined.
 */

export const ContractInputInvalid = defineError<{ operation: string; faults: string }>({
  code: 'CONTRACT_INPUT_INVALID',
  status: 500,
  sentence: 'The call of {operation} does not fit its contract: {faults}. Send what its input schema describes.',
})
export const ContractOutputInvalid = defineError<{ operation: string; faults: string }>({
  code: 'CONTRACT_OUTPUT_INVALID',
  status: 500,
  sentence: 'The answer of {operation} does not fit its contract: {faults}. Make the service return what its output schema describes.',
})
export const ContractErrorUndeclared = defineError<{ operation: string; name: string }>({
  code: 'CONTRACT_ERROR_UNDECLARED',
  status: 500,
  sentence: 'The operation {operation} failed with {name}, which is no error of the registry. Declare it with defineError.',
})
export const DeadlineExceeded = defineError<{ operation: string }>({
  code: 'DEADLINE_EXCEEDED',
  status: 503,
  sentence: 'The work {operation} did not end in time. Repeat the request later.',
  remedy: 'Repeat the request after the time in Retry-After, writes with the same Idempotency-Key.',
  retryable: true,
  retryAfter: 1,
})

export interface Operation<I extends TSchema = TSchema, O extends TSchema = TSchema, Absent extends boolean = boolean> {
  readonly kind: 'query' | 'command'
  readonly input: I
  readonly output: O
  /** The answer may be undefined: "not there". */
  readonly absent: Absent
  /** Codes this operation answers with besides those of the platform. */
  readonly errors: readonly string[]
  readonly deadlineMs: number
  /** Safe to send twice. Queries always are. */
  readonly idempotent: boolean
  /** Called inside the extraction unit only, never served to another process. */
  readonly unitOnly: boolean
}

interface OperationOptions<I extends TSchema, O extends TSchema> {
  input: I
  output: O
  errors?: readonly string[]
  /** Default 500 ms. */
  deadlineMs?: number
  idempotent?: boolean
  unitOnly?: boolean
}

function operation<I extends TSchema, O extends TSchema, A extends boolean>(
  kind: 'query' | 'command',
  absent: A,
  options: OperationOptions<I, O>,
): Operation<I, O, A> {
  return {
    kind,
    input: options.input,
    output: options.output,
    absent,
    errors: options.errors ?? [],
    deadlineMs: options.deadlineMs ?? 500,
    idempotent: kind === 'query' || (options.idempotent ?? false),
    unitOnly: options.unitOnly ?? false,
  }
}

/** An operation that changes nothing and always has an answer. */
export const query = <I extends TSchema, O extends TSchema>(options: OperationOptions<I, O>) => operation('query', false, options)
/** A query that answers undefined when there is no such thing. */
export const lookup = <I extends TSchema, O extends TSchema>(options: OperationOptions<I, O>) => operation('query', true, options)
/** An operation that changes something. */
export const command = <I extends TSchema, O extends TSchema>(options: OperationOptions<I, O>) => operation('command', false, options)

/** The output of a command without an answer. */
export const Nothing = Type.Object({}, { additionalProperties: false })

export type Operations = Readonly<Record<string, Operation>>

export interface Contract<M extends string = string, Ops extends Operations = Operations> {
  readonly module: M
  readonly version: number
  readonly operations: Ops
  /** Behind which path of the internal listener it is offered: what modules ask of each other, or what operators do. */
  readonly door: Door
}

export type Door = '_rpc' | '_ops'

export function defineContract<const M extends string, Ops extends Operations>(
  module: M,
  version: number,
  operations: Ops,
  { door = '_rpc' }: { door?: Door } = {},
): Contract<M, Ops> {
  return Object.freeze({ module, version, operations, door })
}

type Answer<Op> = Op extends Operation<TSchema, infer O, infer A> ? (A extends true ? Static<O> | undefined : Static<O>) : never

/** The TypeScript type of a contract: what the module's service implements and its neighbours call. */
export type ContractOf<C> =
  C extends Contract<string, infer Ops>
    ? { [K in keyof Ops]: (input: Ops[K] extends Operation<infer I> ? Static<I> : never) => Promise<Answer<Ops[K]>> }
    : never

export type Transport = 'local' | 'loopback'

// The keys of a contract are checked by its type; inside the transports an operation is a function of unknown to unknown.
type AnyOperation = (input: unknown) => Promise<unknown>

/**
 * Hands a module's implementation to its neighbours through a transport. `local` hands it over as it is. `loopback` does all that
 * a network would do to a call, in the same process: JSON text both ways, validation on both sides, errors rebuilt from
 * JSON, the deadline applied. Tests run on loopback, so whatever would break between processes breaks there first.
 */
export function offer<C extends Contract>(
  contract: C,
  implementation: ContractOf<C>,
  { transport }: { transport: Transport },
): ContractOf<C> {
  const source = implementation as Readonly<Record<string, AnyOperation>>
  const offered: Record<string, AnyOperation> = {}
  for (const [name, declared] of Object.entries(contract.operations)) {
    const call = source[name]
    if (typeof call !== 'function') throw new TypeError(`${contract.module} offers ${name} in its contract but does not implement it`)
    offered[name] = transport === 'local' ? call : loopback(`${contract.module}.${name}`, declared, call)
  }
  return Object.freeze(offered) as ContractOf<C>
}

function loopback(label: string, declared: Operation, call: AnyOperation): AnyOperation {
  const validInput = validatorOf(declared.input)
  const validOutput = validatorOf(declared.output)
  return async (input) => {
    const received: unknown = JSON.parse(JSON.stringify(input))
    if (!validInput(received)) throw ContractInputInvalid({ operation: label, faults: describeFaults(validInput.errors) })
    let answer: unknown
    try {
      answer = await withDeadline(label, declared.deadlineMs, () => call(received))
    } catch (error) {
      if (!isAppError(error))
        throw ContractErrorUndeclared({ operation: label, name: error instanceof Error ? error.name : typeof error }, { cause: error })
      const wire: SerialisedError = JSON.parse(JSON.stringify(serialiseError(error)))
      throw rebuildError(wire)
    }
    if (answer === undefined) {
      if (declared.absent) return undefined
      throw ContractOutputInvalid({ operation: label, faults: 'it is undefined, and the operation is no lookup' })
    }
    // Validated before the JSON round trip as well as after it: a Date or a class instance would otherwise turn into a fitting string.
    if (!validOutput(answer)) throw ContractOutputInvalid({ operation: label, faults: describeFaults(validOutput.errors) })
    const sent: unknown = JSON.parse(JSON.stringify(answer))
    if (!validOutput(sent)) throw ContractOutputInvalid({ operation: label, faults: describeFaults(validOutput.errors) })
    return sent
  }
}

/**
 * Runs a call under min(its own deadline, what is left of the caller's); the callee sees the signal in its context. `abort` is what
 * else may end it.
 */
export function withDeadline<R>(
  label: string,
  deadlineMs: number,
  call: () => Promise<R>,
  abort: AbortController = new AbortController(),
): Promise<R> {
  const context = currentContext()
  const outer = context.signal
  const now = performance.now()
  const deadline = Math.min(now + deadlineMs, context.deadline ?? Number.POSITIVE_INFINITY)
  return new Promise((resolve, reject) => {
    const heed = (): void => abort.abort(outer?.reason)
    const timer = setTimeout(() => {
      const error = DeadlineExceeded({ operation: label })
      abort.abort(error)
      reject(error)
    }, deadline - now)
    const end = (): void => {
      clearTimeout(timer)
      outer?.removeEventListener('abort', heed)
    }
    if (outer?.aborted) heed()
    else outer?.addEventListener('abort', heed, { once: true })
    runInContext({ ...context, signal: abort.signal, deadline }, async () => call()).then(
      (answer) => {
        end()
        resolve(answer)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
}
