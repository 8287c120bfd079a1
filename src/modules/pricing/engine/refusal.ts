export interface RefusalDetails {
  path?: string
  limit?: string
  value?: string
  unit?: string
  /** The rule that caused it, when one did. */
  rule?: { id: number; number: number }
}

/**
 * The only error the engine throws: an input that has no price, by the code the specification of prices gives it.
 * `limit` and `value` are printed decimals where a number was the reason; `path` is a JSON pointer where the caller knows one.
 */
export class EngineRefusal extends Error {
  readonly code: string
  readonly path: string | undefined
  readonly limit: string | undefined
  readonly value: string | undefined
  readonly unit: string | undefined
  readonly rule: { id: number; number: number } | undefined

  constructor(code: string, details: RefusalDetails = {}) {
    super(details.path ? `${code} at ${details.path}` : code)
    this.name = 'EngineRefusal'
    this.code = code
    this.path = details.path
    this.limit = details.limit
    this.value = details.value
    this.unit = details.unit
    this.rule = details.rule
  }
}

/** By shape, so that a refusal is still one after it crossed a module boundary. */
export function isRefusal(error: unknown): error is EngineRefusal {
  return error instanceof Error && error.name === 'EngineRefusal' && 'code' in error
}
