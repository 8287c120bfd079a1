import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { TSchema } from 'typebox'
import { formats } from './formats.ts'

/**
 * The two validators. Bodies, contracts and events are taken as they are sent: no coercion, no removal. Query and path hold
 * text, so their scalars are converted. Both list every fault.
 */
function createAjv(coerceTypes: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    coerceTypes,
    removeAdditional: false,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    verbose: true,
  })
  addFormats.default(ajv, ['date', 'date-time', 'email', 'uuid', 'uri'])
  for (const [name, check] of Object.entries(formats)) ajv.addFormat(name, check)
  for (const keyword of ['x-personal', 'x-secret', 'example']) ajv.addKeyword(keyword)
  return ajv
}

export const strictAjv = createAjv(false)
export const coercingAjv = createAjv(true)

const compiled = new WeakMap<TSchema, ValidateFunction>()

/** The strict validator of a schema, compiled once. */
export function validatorOf(schema: TSchema): ValidateFunction {
  const known = compiled.get(schema)
  if (known) return known
  const validate = strictAjv.compile(withoutIds(schema))
  compiled.set(schema, validate)
  return validate
}

/** `$id` names a component of the API document; for validation every schema stands alone. */
export function withoutIds(schema: TSchema): TSchema {
  return JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === '$id' ? undefined : value)))
}

/** Where something is sent every object is closed; where it is received all are open: a newer sender may say more. */
export const closedSchema = eachObject((schema) => ({ additionalProperties: false, ...schema }))
export const openSchema = eachObject((schema) => ({
  ...schema,
  ...('additionalProperties' in schema && schema.additionalProperties === false ? { additionalProperties: true } : {}),
}))

function eachObject(change: (schema: object) => object): (schema: TSchema) => TSchema {
  const known = new WeakMap<TSchema, TSchema>()
  return (schema) => {
    const found = known.get(schema)
    if (found) return found
    const changed: TSchema = JSON.parse(JSON.stringify(schema), (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'type' in value && value.type === 'object' && 'properties' in value
        ? change(value)
        : value,
    )
    known.set(schema, changed)
    return changed
  }
}

/** One readable sentence for a list of faults, for errors inside the house. */
export function describeFaults(errors: readonly ErrorObject[] | null | undefined): string {
  return (errors ?? []).map((error) => `${error.instancePath || '/'} ${error.message ?? 'is wrong'}`).join('; ')
}
