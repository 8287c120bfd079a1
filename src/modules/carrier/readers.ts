import { type Principal, scopeOf, type Visibility, visibility } from '#platform/principal.ts'

/** What somebody may see of carriers. */
export interface Reader {
  /** Of these carriers every member. */
  readonly full: Visibility
  /** Of active carriers the public members. */
  readonly mayBrowse: boolean
}

export const readerOf = (principal: Principal): Reader => ({
  full: visibility(principal, 'carrier:read'),
  mayBrowse: scopeOf(principal, 'carrier:browse') !== undefined,
})

export const seesAll = ({ full }: Reader, carrier: { ownerId: number }): boolean =>
  full.scope === 'any' || (full.scope === 'own' && full.userId === carrier.ownerId)
