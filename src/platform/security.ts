import type { Principal } from './principal.ts'

/** What a request shows to prove who sends it. */
export interface Credentials {
  /** The header as it was sent. */
  authorization: string | undefined
  /** The cookie header, for routes that take a session from it. */
  cookie?: string | undefined
  /** Ask the database, not a cache: for what must not be up to a second old. */
  fresh: boolean
}

/**
 * The one thing the surface needs to know about identity; auth stands behind it. Answers at once when it can, so that the hot
 * path has no promise. Nothing shown is `anonymous`; something shown that proves nothing throws an error of status 401.
 */
export interface SecurityPort {
  authenticate(credentials: Credentials): Principal | Promise<Principal>
}
