import Type from 'typebox'

/** UUIDs as the platform makes them: lower case. What is none does not exist, so the router does not know it. */
const uuidPattern = '(^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)'

export const isUuid = (text: string): boolean => new RegExp(uuidPattern).test(text)

/** The path with its parameter `id` bound to UUIDs: events and jobs. */
export const uuidPath = (path: string): string => path.replace(':id', `:id${uuidPattern}`)

export const Uuid = Type.String({ format: 'uuid', maxLength: 36, examples: ['01890a5d-ac96-774b-bcce-b302099a8057'] })

export const UuidParams = Type.Object({ id: Uuid }, { additionalProperties: false })
