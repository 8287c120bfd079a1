import { TooManyDecimals } from '#platform/http-errors.ts'
import { type EngineRefusal, isRefusal } from './engine/refusal.ts'
import { type EngineFault, engineErrors } from './errors.ts'

/**
 * Turns a refusal of the engine into the answer of the API: 422 with the engine's code and the path of the field. A code the
 * engine is not known to refuse input with is a fault of ours and passes through.
 */
export function orRefusal<R>(work: () => R): R {
  try {
    const result = work()
    if (result instanceof Promise) {
      return result.catch((error: unknown) => {
        throw asAnswer(error)
      }) as R
    }
    return result
  } catch (error) {
    throw asAnswer(error)
  }
}

function asAnswer(error: unknown): unknown {
  if (!isRefusal(error)) return error
  if (error.code === 'TOO_MANY_DECIMALS') {
    return TooManyDecimals(
      { path: error.path ?? '/', currency: 'the currency', digits: Number(error.limit ?? 0) },
      { cause: error, faults: [fault(error)] },
    )
  }
  const type = engineErrors[error.code as EngineFault]
  return type ? type({}, { cause: error, faults: [fault(error)] }) : error
}

function fault(error: EngineRefusal) {
  return {
    in: 'body' as const,
    path: error.path ?? '/',
    code: error.code,
    message: 'is refused by the pricing engine',
    ...(error.value === undefined ? {} : { value: error.value.slice(0, 100) }),
    ...(error.limit === undefined ? {} : { limit: error.limit }),
  }
}
