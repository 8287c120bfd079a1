import Type, { type Static } from 'typebox'
import { type AppError, type Fault, isAppError } from './errors.ts'
import { Internal } from './http-errors.ts'

/** RFC 9457 problems: the one form of every answer that is not a success. */

export const problemMediaType = 'application/problem+json; charset=utf-8'

export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri', description: 'Page about this code: cause and remedy' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({ pattern: '^[A-Z][A-Z0-9_]*$', description: 'Stable code to decide by', examples: ['VALIDATION_FAILED'] }),
    detail: Type.String({ description: 'What happened and what to do next' }),
    instance: Type.String({ description: 'Path of the request' }),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            in: Type.Enum(['body', 'query', 'path', 'header'], { type: 'string' }),
            path: Type.String({ description: 'JSON pointer', examples: ['/parcels/0/weight'] }),
            code: Type.String(),
            message: Type.String(),
            value: Type.Optional(Type.String({ maxLength: 100 })),
            limit: Type.Optional(Type.String()),
          },
          { additionalProperties: false },
        ),
        { maxItems: 50 },
      ),
    ),
  },
  { additionalProperties: false, $id: 'Problem', description: 'An answer that is not a success (RFC 9457)' },
)
export type Problem = Static<typeof Problem>

const maxFaults = 50

/** `CUSTOMER_NOT_FOUND` → `customer-not-found`, the last part of the problem's type. */
export const problemSlug = (code: string): string => code.toLowerCase().replaceAll('_', '-')
export const codeOfSlug = (slug: string): string => slug.toUpperCase().replaceAll('-', '_')

/** `CUSTOMER_NOT_FOUND` → `Customer not found`. */
export function problemTitle(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** What an unknown failure looks like from outside: its text stays in the log. */
export const publicError = (error: unknown): AppError => (isAppError(error) && error.status < 600 ? error : Internal({}, { cause: error }))

export function problemOf(error: AppError, request: { publicUrl: string; instance: string; requestId: string }): Problem {
  const known = isAppError(error)
  const problem: Problem = {
    type: `${request.publicUrl}/problems/${problemSlug(known ? error.code : Internal.code)}`,
    title: problemTitle(known ? error.code : Internal.code),
    status: error.status,
    code: known ? error.code : Internal.code,
    detail: known ? error.message : Internal.declaration.sentence,
    instance: request.instance,
    requestId: request.requestId,
  }
  if (error.faults && error.faults.length > 0) problem.errors = error.faults.slice(0, maxFaults).map(shortened)
  return problem
}

function shortened(fault: Fault): Fault {
  return fault.value === undefined || fault.value.length <= 100 ? fault : { ...fault, value: fault.value.slice(0, 100) }
}
