import type { AppError, ErrorType, Fault } from '#platform/errors.ts'
import { FieldImmutable, TooManyDecimals } from '#platform/http-errors.ts'
import { type EngineRefusal, isRefusal } from './engine/refusal.ts'
import { type EngineFault, engineErrors } from './errors.ts'

/** A check of the engine with the path of what it checks; where the engine knows a path below, it is added. */
export type Check = readonly [path: string, check: () => unknown]

/**
 * Turns a refusal of the engine into the answer of the API: 422 with the engine's code and the path of the field. A code the
 * engine is not known to refuse input with is a fault of ours and passes through.
 */
export function orRefusal<R>(work: () => R): R {
  try {
    return work()
  } catch (error) {
    if (!isRefusal(error)) throw error
    throw asAnswer(error, [faultOf(error, '')]) ?? error
  }
}

/** Runs every check and answers with all faults at once, under the code of the first. */
export function refuseFaults(checks: readonly Check[]): void {
  const found: { refusal: EngineRefusal; fault: Fault }[] = []
  for (const [path, check] of checks) {
    try {
      check()
    } catch (refusal) {
      if (!isRefusal(refusal)) throw refusal
      found.push({ refusal, fault: faultOf(refusal, path) })
    }
  }
  const [first] = found
  if (!first) return
  throw (
    asAnswer(
      first.refusal,
      found.slice(0, 50).map(({ fault }) => fault),
    ) ?? first.refusal
  )
}

function asAnswer(refusal: EngineRefusal, faults: readonly Fault[]): AppError | undefined {
  if (refusal.code === 'TOO_MANY_DECIMALS') {
    const details = { path: faults[0]?.path ?? '/', currency: 'its currency', digits: Number(refusal.limit ?? 0) }
    return TooManyDecimals(details, { cause: refusal, faults })
  }
  return engineErrors[refusal.code as EngineFault]?.({}, { cause: refusal, faults })
}

const faultOf = ({ code, path, value, limit }: EngineRefusal, under: string): Fault => ({
  in: 'body',
  path: `${under}${path ?? ''}` || '/',
  code,
  message: 'is refused by the pricing engine',
  ...(value === undefined ? {} : { value: value.slice(0, 100) }),
  ...(limit === undefined ? {} : { limit }),
})

/** A number in the body that names nothing. */
export function unknownReference(error: ErrorType<{ id: number | string }>, path: string, id: number | string): AppError {
  return error({ id }, { faults: [{ in: 'body', path, code: error.code, message: 'does not resolve', value: String(id) }] })
}

export function refuseFixedMembers<T extends object>(
  current: T,
  patch: { readonly [K in keyof T]?: unknown },
  fixed: readonly (keyof T & string)[],
): void {
  const [path, ...more] = fixed.filter((name) => patch[name] !== undefined && patch[name] !== current[name]).map((name) => `/${name}`)
  if (path === undefined) return
  const { code } = FieldImmutable
  throw FieldImmutable(
    { path },
    { faults: [path, ...more].map((each) => ({ in: 'body', path: each, code, message: 'cannot be changed here' })) },
  )
}
