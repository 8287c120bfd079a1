import { HeaderInvalid, IfMatchRequired } from './http-errors.ts'

/** Versions on the wire: the strong entity tag of version 7 is `"v7"`. */

export const etagOf = (version: number): string => `"v${version}"`

const strongTag = /^"v([1-9]\d{0,9})"$/

/** The version a change was made on, from If-Match. `required`: 428 without it. */
export function expectedVersionOf(header: string | undefined, versioned: 'required' | 'when-sent'): number | undefined {
  if (header === undefined) {
    if (versioned === 'required') throw IfMatchRequired()
    return undefined
  }
  const match = strongTag.exec(header.trim())
  if (!match) throw HeaderInvalid({ header: 'If-Match', expected: 'the ETag the resource was read with, like "v7"' })
  return Number(match[1])
}

/** The reader has this version already: If-None-Match compares weakly and may list several. */
export function isKnown(ifNoneMatch: string, etag: unknown): boolean {
  if (typeof etag !== 'string') return false
  return ifNoneMatch.split(',').some((tag) => {
    const plain = tag.trim()
    return plain === '*' || plain === etag || plain === `W/${etag}`
  })
}
