import Type, { type Static } from 'typebox'
import { defineContract } from '#platform/contracts.ts'
import { defineEvents, type EventsOf } from '#platform/events.ts'
import { Id, OneOf } from '#platform/schemas.ts'

const closed = { additionalProperties: false } as const

/**
 * Why a session ended. `logout`: its owner left. `logout_all`: the owner ended all. `revoked`: somebody ended this one from the
 * list. `limit`: the oldest of too many. `reused`: a used refresh token came back. `suspended`, `deactivated`: the account.
 */
export const endReasons = ['logout', 'logout_all', 'revoked', 'limit', 'reused', 'suspended', 'deactivated'] as const
export type EndReason = (typeof endReasons)[number]

/** What every request asks about its session. `version` rises once, when the session ends. */
export const SessionState = Type.Object({ userId: Id, version: Type.Integer({ minimum: 1 }), hasEnded: Type.Boolean() }, closed)
export type SessionState = Static<typeof SessionState>

/** Auth offers no operation to other modules: who asks is decided before a request reaches them. */
export const authContract = defineContract('auth', 1, {})

export const authEvents = defineEvents('auth', {
  /** A session has ended before its time; its tokens are worth nothing. */
  'session.revoked': {
    version: 1,
    aggregate: 'session',
    data: Type.Object({ sessionId: Id, userId: Id, reason: OneOf(endReasons) }, closed),
  },
})
export type AuthEvents = EventsOf<typeof authEvents>
