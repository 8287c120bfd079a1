import { expect, test } from 'vitest'
import { judge } from './refresh-judgement.ts'
import type { SessionToJudge } from './session-repository.ts'

const session: SessionToJudge = {
  id: 17,
  userId: 42,
  generation: 5,
  nonce: Buffer.alloc(16),
  hasEnded: false,
  hasExpired: false,
  isUserActive: true,
  msSinceRotation: 3_000,
  idleSecondsLeft: 600_000,
  absoluteSecondsLeft: 2_000_000,
}
const ended = { hasEnded: true }
const inactive = { isUserActive: false }
const expired = { hasExpired: true }
const old = { msSinceRotation: 10_001 }

test.each<[string, Partial<SessionToJudge>, number, number, string]>([
  ['the current token', {}, 5, 10, 'rotate'],
  ['the current token long after', old, 5, 10, 'rotate'],
  ['the first token of a new session', { generation: 1, msSinceRotation: null }, 1, 10, 'rotate'],
  ['the predecessor in the grace time', {}, 4, 10, 'repeat'],
  ['the predecessor at the last moment of it', { msSinceRotation: 10_000 }, 4, 10, 'repeat'],
  ['the predecessor after it', old, 4, 10, 'reused'],
  ['the predecessor without a grace time', { msSinceRotation: 0 }, 4, 0, 'reused'],
  ['an older token in the grace time', {}, 3, 10, 'reused'],
  ['an older token after it', old, 1, 10, 'reused'],
  ['generation 0 of a session that never rotated', { generation: 1, msSinceRotation: null }, 0, 10, 'reused'],
  ['a newer token than the row knows', {}, 6, 10, 'rotate'],
  ['a much newer token', old, 9, 10, 'rotate'],
  ['the current token of an ended session', ended, 5, 10, 'ended'],
  ['a used token of an ended session', ended, 1, 10, 'ended'],
  ['a newer token of an ended session', ended, 6, 10, 'ended'],
  ['any token of a suspended user', inactive, 5, 10, 'ended'],
  ['a used token of a suspended user', inactive, 1, 10, 'ended'],
  ['an ended and expired session', { ...ended, ...expired }, 5, 10, 'ended'],
  ['the current token of an expired session', expired, 5, 10, 'expired'],
  ['a used token of an expired session', expired, 1, 10, 'expired'],
])('%s', (_, changes, presented, graceSeconds, judgement) => {
  expect(judge({ ...session, ...changes }, presented, graceSeconds)).toBe(judgement)
})
