/**
 * Errors as contracts carry them: a code from the registry, a sentence for the reader, plain details. Declared once per
 * module in its `errors.ts`, recognised everywhere by `code`, never by `instanceof`, because a class does not survive a network.
 */

/** Where a fault sits in a request (RFC 9457 extension member `errors`). `path` is a JSON pointer. */
export interface Fault {
  in: 'body' | 'query' | 'path' | 'header'
  path: string
  code: string
  message: string
  value?: string
  limit?: string
}

export interface AppErrorOptions {
  cause?: unknown
  /** Seconds the caller should wait; becomes `Retry-After`. */
  retryAfter?: number
  /** The faults of a request, when the error is about its input. */
  faults?: readonly Fault[]
  /** Response headers that belong to this answer (`WWW-Authenticate`, `ETag`, `Allow`). */
  headers?: Readonly<Record<string, string>>
}

export class AppError extends Error {
  readonly code: string
  readonly status: number
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean
  readonly retryAfter: number | undefined
  readonly faults: readonly Fault[] | undefined
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(type: ErrorDeclaration, message: string, details: Readonly<Record<string, unknown>>, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = type.code
    this.code = type.code
    this.status = type.status
    this.details = details
    this.retryable = type.retryable ?? false
    this.retryAfter = options.retryAfter ?? type.retryAfter
    this.faults = options.faults
    this.headers = options.headers
  }
}

export interface ErrorDeclaration {
  /** UPPER_SNAKE, never reused with another meaning. */
  code: string
  status: number
  /** What happened and what to do next; `{name}` is filled from the details. */
  sentence: string
  /** For the page `/problems/<code>`: when this happens. */
  reason?: string
  /** For the page `/problems/<code>`: how to mend it. */
  remedy?: string
  /** A repeat of the same request may succeed. */
  retryable?: boolean
  /** Default seconds of `Retry-After`. */
  retryAfter?: number
}

/** Builds the error; the details fill the placeholders of the sentence. */
export interface ErrorType<Details extends object = Record<string, unknown>> {
  (details?: Details, options?: AppErrorOptions): AppError
  readonly code: string
  readonly status: number
  readonly declaration: Readonly<ErrorDeclaration>
}

const registry = new Map<string, Readonly<ErrorDeclaration>>()

/** Declares an error of the registry. The same code twice is a mistake of the programmer and throws. */
export function defineError<Details extends object = Record<string, unknown>>(declaration: ErrorDeclaration): ErrorType<Details> {
  if (!/^[A-Z][A-Z0-9_]*$/.test(declaration.code)) throw new TypeError(`error code ${declaration.code} is not UPPER_SNAKE`)
  if (registry.has(declaration.code)) throw new TypeError(`error code ${declaration.code} is declared twice`)
  const frozen = Object.freeze({ ...declaration })
  registry.set(declaration.code, frozen)
  const make = (details?: Details, options?: AppErrorOptions): AppError => {
    const plain: Record<string, unknown> = { ...details }
    const message = declaration.sentence.replace(/\{(\w+)\}/g, (whole, name: string) => (name in plain ? String(plain[name]) : whole))
    return new AppError(frozen, message, plain, options)
  }
  return Object.assign(make, { code: declaration.code, status: declaration.status, declaration: frozen })
}

const references = new Map<string, ErrorType<{ id: number | string }>>()

/**
 * The 422 form of a neighbour's `<NOUN>_NOT_FOUND`: a reference in the body that does not resolve, or that the caller may not
 * see. The code keeps its meaning and belongs to whoever owns the noun; only the status says where the id stood.
 */
export function defineReferenceError(code: `${string}_NOT_FOUND`): ErrorType<{ id: number | string }> {
  const known = references.get(code)
  if (known) return known
  const noun = code.slice(0, -'_NOT_FOUND'.length).toLowerCase().replaceAll('_', ' ')
  const declaration = Object.freeze({ code, status: 422, sentence: `There is no ${noun} {id} that you may refer to. Check the id.` })
  const make = (details?: { id: number | string }, options?: AppErrorOptions): AppError =>
    new AppError(declaration, declaration.sentence.replace('{id}', String(details?.id)), { ...details }, options)
  const type = Object.assign(make, { code, status: 422, declaration })
  references.set(code, type)
  return type
}

/**
 * An error that a neighbour declares and a route lets through, for the route's `errors`: modules lend each other types only, so
 * it is named by its code. Asked for its declaration it must exist by then, in some module of the process.
 */
export function passedOn(code: string): ErrorType<never> {
  const declaration = (): Readonly<ErrorDeclaration> => {
    const known = registry.get(code)
    if (!known) throw new TypeError(`error code ${code} is passed on but no module declares it`)
    return known
  }
  const make = (): AppError => {
    throw new TypeError(`${code} is thrown by the module that declares it, not here`)
  }
  return Object.defineProperties(make, {
    code: { value: code },
    status: { get: () => declaration().status },
    declaration: { get: declaration },
  }) as ErrorType<never>
}

/** Every declared error by code, for `/problems`, OpenAPI and the rebuilding of errors that crossed a transport. */
export function declaredErrors(): ReadonlyMap<string, Readonly<ErrorDeclaration>> {
  return registry
}

/** The error as plain JSON, the only form in which it crosses a contract. */
export interface SerialisedError {
  code: string
  /** One code may stand under two: a noun missing at the address, and one missing that the body refers to. */
  status: number
  message: string
  details: Record<string, unknown>
  retryable: boolean
  retryAfter?: number
  faults?: readonly Fault[]
  headers?: Readonly<Record<string, string>>
}

/** True for errors of the registry, whatever transport they came through. */
export function isAppError(error: unknown): error is AppError {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    'details' in error &&
    (registry.has(error.code) || references.has(error.code))
  )
}

export function serialiseError(error: AppError): SerialisedError {
  return {
    code: error.code,
    status: error.status,
    message: error.message,
    details: { ...error.details },
    retryable: error.retryable,
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    ...(error.faults === undefined ? {} : { faults: error.faults }),
    ...(error.headers === undefined ? {} : { headers: error.headers }),
  }
}

/** Rebuilds what `serialiseError` wrote. A code that this process does not know keeps its text and counts as a 500. */
export function rebuildError(wire: SerialisedError): AppError {
  const known = registry.get(wire.code) ?? references.get(wire.code)?.declaration
  const declaration = { code: wire.code, status: known ? wire.status : 500, sentence: wire.message, retryable: wire.retryable }
  return new AppError(declaration, wire.message, wire.details, {
    ...(wire.retryAfter === undefined ? {} : { retryAfter: wire.retryAfter }),
    ...(wire.faults === undefined ? {} : { faults: wire.faults }),
    ...(wire.headers === undefined ? {} : { headers: wire.headers }),
  })
}
