import Type from 'typebox'
import { defineError } from './errors.ts'
import { Nullable, Text } from './schemas.ts'

/** Notes of other systems on a resource: names and short texts that nobody here reads. */

const maxKeys = 50

/** A merge patch of metadata: null takes a key away. */
export const MetadataPatch = Type.Record(
  Type.String({ pattern: '^(?!__proto__$|constructor$|prototype$)[A-Za-z0-9_.-]{1,40}$' }),
  Nullable(Text(0, 500)),
  { maxProperties: maxKeys, additionalProperties: false },
)

export const MetadataFull = defineError<{ limit: number }>({
  code: 'METADATA_FULL',
  status: 422,
  sentence: 'With this change metadata would have more than {limit} keys. Take keys away by sending null for them.',
})

/** A patch of allowed size can still make the whole too large. */
export function requireMetadataInBounds(metadata: Readonly<Record<string, string>>): void {
  if (Object.keys(metadata).length <= maxKeys) return
  throw MetadataFull(
    { limit: maxKeys },
    { faults: [{ in: 'body', path: '/metadata', code: MetadataFull.code, message: 'would have too many keys', limit: String(maxKeys) }] },
  )
}
