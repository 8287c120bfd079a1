import Type from 'typebox'
import { OneOf } from './schemas.ts'

const id = Type.Optional(Type.Integer({ minimum: 1 }))

/** A `Principal` as it crosses between processes. */
export const PrincipalSchema = Type.Object(
  {
    kind: OneOf(['anonymous', 'user', 'api_key', 'service', 'system'] as const),
    userId: id,
    sessionId: id,
    apiKeyId: id,
    roles: Type.Array(Type.String()),
    can: Type.Record(Type.String(), OneOf(['own', 'any'] as const)),
  },
  { additionalProperties: false },
)
