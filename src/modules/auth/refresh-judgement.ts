import type { SessionToJudge } from './session-repository.ts'

/** What becomes of a genuine refresh token. The first that applies, in this order. */
export type Judgement =
  | 'ended'
  | 'expired'
  /** Next generation. Also for a token above the row: the database has lost a rotation, and the token proves it. */
  | 'rotate'
  /** The direct predecessor, soon after: the reply was lost, or two refreshed at once. The current token again. */
  | 'repeat'
  /** Used before: two parties hold it. */
  | 'reused'

export function judge(session: SessionToJudge, presented: number, graceSeconds: number): Judgement {
  if (session.hasEnded || !session.isUserActive) return 'ended'
  if (session.hasExpired) return 'expired'
  if (presented >= session.generation) return 'rotate'
  const sinceRotation = session.msSinceRotation ?? Number.POSITIVE_INFINITY
  const isInGrace = graceSeconds > 0 && sinceRotation <= graceSeconds * 1_000
  return presented === session.generation - 1 && isInGrace ? 'repeat' : 'reused'
}
