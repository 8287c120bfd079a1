import type { ErrorObject } from 'ajv/dist/2020.js'
import type { Fault } from './errors.ts'

/** Turns what a validator found into the faults of a problem: where, which rule, what was sent, what is allowed. */

const codes: Readonly<Record<string, string>> = {
  required: 'REQUIRED',
  additionalProperties: 'UNKNOWN_MEMBER',
  unevaluatedProperties: 'UNKNOWN_MEMBER',
  propertyNames: 'UNKNOWN_MEMBER',
  type: 'WRONG_TYPE',
  enum: 'NOT_ALLOWED',
  const: 'NOT_ALLOWED',
  anyOf: 'NOT_ALLOWED',
  oneOf: 'NOT_ALLOWED',
  minimum: 'OUT_OF_RANGE',
  maximum: 'OUT_OF_RANGE',
  exclusiveMinimum: 'OUT_OF_RANGE',
  exclusiveMaximum: 'OUT_OF_RANGE',
  multipleOf: 'OUT_OF_RANGE',
  minLength: 'TOO_SHORT',
  maxLength: 'TOO_LONG',
  minItems: 'TOO_FEW',
  maxItems: 'TOO_MANY',
  minProperties: 'TOO_FEW',
  maxProperties: 'TOO_MANY',
  uniqueItems: 'DUPLICATE',
  pattern: 'WRONG_FORMAT',
  format: 'WRONG_FORMAT',
}

export function faultsOf(part: Fault['in'], errors: readonly ErrorObject[], isPrivate: (path: string) => boolean): Fault[] {
  return withoutBranches(errors).map((error) => {
    const path = pathOf(error)
    const fault: Fault = { in: part, path, code: codes[error.keyword] ?? error.keyword.toUpperCase(), message: messageOf(error) }
    const limit = limitOf(error)
    if (limit !== undefined) fault.limit = limit
    const value = isPrivate(path) ? undefined : sentValue(error)
    if (value !== undefined) fault.value = value
    return fault
  })
}

/**
 * A union that fits nowhere reports every branch. The branches that failed for their type only say "this is another kind of
 * thing": when a branch got further, its faults are the ones that help, else the union's own.
 */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
  if (unions.length === 0) return [...errors]
  const branchOf = (error: ErrorObject) => unions.find((union) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`))
  const helpful = (error: ErrorObject, union: ErrorObject) => !(error.keyword === 'type' && error.instancePath === union.instancePath)
  return errors.filter((error) => {
    if (unions.includes(error)) return !errors.some((other) => branchOf(other) === error && helpful(other, error))
    const union = branchOf(error)
    return union === undefined || helpful(error, union)
  })
}

function pathOf({ instancePath, params }: ErrorObject): string {
  const member: unknown = params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName
  return typeof member === 'string' ? `${instancePath}/${pointerPart(member)}` : instancePath
}

/** One part of a JSON pointer; hostile names are cut. */
export const pointerPart = (name: string): string => name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')

function messageOf({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'must be there'
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is not known here'
    case 'enum':
      return 'must be one of the allowed values'
    case 'anyOf':
    case 'oneOf':
      return 'must have one of the allowed forms'
    case 'pattern':
      return 'has the wrong form'
    case 'format':
      return `must be a valid ${String(params.format)}`
    default:
      return message ?? 'is not valid'
  }
}

function limitOf({ params }: ErrorObject): string | undefined {
  if (Array.isArray(params.allowedValues)) return params.allowedValues.join(', ').slice(0, 300)
  const limit: unknown = params.limit ?? params.format ?? params.pattern ?? params.type ?? params.allowedValue ?? params.multipleOf
  return limit === undefined ? undefined : String(limit).slice(0, 300)
}

function sentValue({ keyword, data }: ErrorObject): string | undefined {
  if (keyword === 'required' || keyword === 'additionalProperties') return undefined
  if (typeof data === 'string') return data.slice(0, 100)
  return typeof data === 'number' || typeof data === 'boolean' || data === null ? String(data) : undefined
}
