import Type from 'typebox'
import { defineError } from './errors.ts'

/** Ids under which other systems know a resource: one per system, and in one kind of resource each belongs to one row only. */
export interface ExternalRef {
  system: string
  id: string
}

export const ExternalRefTaken = defineError<{ refs: string }>({
  code: 'EXTERNAL_REF_TAKEN',
  status: 409,
  sentence: 'Another resource of this kind has one of the external references {refs}. Each names one resource only.',
})
export const ExternalRefRepeated = defineError<{ system: string }>({
  code: 'EXTERNAL_REF_REPEATED',
  status: 422,
  sentence: 'The system {system} stands twice in externalRefs. Send one id per system.',
})

/** `?externalRef=sap:123` */
export const ExternalRefFilter = Type.String({
  pattern: '^[a-z0-9_-]{1,40}:[^\\u0000-\\u001f\\u007f]{1,100}$',
  description: 'System and id, joined by a colon',
  examples: ['sap:123'],
})

export function parseExternalRef(filter: string): ExternalRef {
  const colon = filter.indexOf(':')
  return { system: filter.slice(0, colon), id: filter.slice(colon + 1) }
}

export function requireOneRefPerSystem(refs: readonly ExternalRef[] | undefined): void {
  const systems = new Set<string>()
  refs?.forEach(({ system }, index) => {
    if (systems.has(system))
      throw ExternalRefRepeated(
        { system },
        {
          faults: [
            { in: 'body', path: `/externalRefs/${index}/system`, code: ExternalRefRepeated.code, message: 'stands twice', value: system },
          ],
        },
      )
    systems.add(system)
  })
}

export const describeRefs = (refs: readonly ExternalRef[]): string => refs.map(({ system, id }) => `${system}:${id}`).join(', ')
