import { randomBytes } from 'node:crypto'
import { audit } from '#platform/audit.ts'
import type { SharedUserTx } from '#platform/databases.ts'
import { DependencyUnavailable, Overloaded } from '#platform/dependency-errors.ts'
import { isAppError } from '#platform/errors.ts'
import type { Publisher } from '#platform/events.ts'
import type { Log } from '#platform/logging.ts'
import type { UserContract } from '../user/index.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Attempts } from './attempts.ts'
import type { AuthEvents, EndReason } from './contract.ts'
import { InvalidCredentials, RefreshTokenInvalid, RefreshTokenReused, SessionExpired, SessionRevoked } from './errors.ts'
import { ipBytes } from './ip-addresses.ts'
import { createLanes } from './lanes.ts'
import { judge } from './refresh-judgement.ts'
import type { RefreshClaim, RefreshTokens } from './refresh-tokens.ts'
import type { Tokens } from './schemas.ts'
import type { EndedSession, SessionRepository, SessionToJudge } from './session-repository.ts'
import type { SessionStates } from './session-states.ts'

/** The life of a session: begun by a log-in, carried on by refreshes, ended by its owner, a limit, a theft or the account's end. */
export interface Sessions {
  /** Part of a log-in, after the password was right. `within` commits together with the new session. */
  begin(login: NewLogin, within: (tx: SharedUserTx) => Promise<void>): Promise<Tokens>
  refresh(token: string, ip: string): Promise<Tokens>
  /** Ends the session of a genuine refresh token, used or not; anything else changes nothing. */
  endByToken(token: string): Promise<void>
  end(find: (tx: SharedUserTx) => Promise<EndedSession[]>, reason: EndReason): Promise<number>
  /** The same inside somebody else's transaction. */
  endWithin(tx: SharedUserTx, ended: readonly EndedSession[], reason: EndReason): Promise<void>
}

export interface NewLogin {
  userId: number
  device: string | undefined
  ip: string
}

export interface SessionsNeeds {
  repository: SessionRepository
  states: SessionStates
  publish: Publisher<AuthEvents, SharedUserTx>
  users: Pick<UserContract, 'getAccess'>
  tokens: { access: AccessTokens; refresh: RefreshTokens }
  attempts: Attempts
  life: { graceSeconds: number; idleDays: number; maxDays: number }
  log: Pick<Log, 'warn'>
}

const mostSessions = 20
const mostJudgements = 3
const secondsPerDay = 86_400

/** Refreshes with one token that may wait for the one at work; they come in bursts from pages that all wake up at once. */
const waitingPerToken = 200

export function createSessions({ repository, states, publish, users, tokens, attempts, life, log }: SessionsNeeds): Sessions {
  const oneAtATime = createLanes<string>({ waiting: waitingPerToken, refuse: () => Overloaded({ dependency: 'this session' }) })

  async function endWithin(tx: SharedUserTx, ended: readonly EndedSession[], reason: EndReason): Promise<void> {
    for (const { sessionId, userId } of ended) {
      const action = reason === 'reused' ? 'session.reused' : 'session.revoked'
      await audit(tx, { action, subject: `session/${sessionId}`, after: { userId }, reason })
      await publish(tx, 'session.revoked', sessionId, { sessionId, userId, reason })
    }
  }

  async function end(find: (tx: SharedUserTx) => Promise<EndedSession[]>, reason: EndReason): Promise<number> {
    const ended = await repository.inTransaction(async (tx) => {
      const found = await find(tx)
      await endWithin(tx, found, reason)
      return found
    })
    await states.spread(ended)
    return ended.length
  }

  interface Issue {
    userId: number
    sessionId: number
    refreshToken: string
    refreshSecondsLeft: number
    sessionSecondsLeft: number
  }

  async function issue({ userId, sessionId, refreshToken, refreshSecondsLeft, sessionSecondsLeft }: Issue): Promise<Tokens> {
    const access = await users.getAccess({ userId })
    const roles = access?.roles ?? []
    const { accessToken, expiresIn } = await tokens.access.issue({ userId, sessionId, roles, method: 'password', sessionSecondsLeft })
    return { accessToken, tokenType: 'Bearer', expiresIn, refreshToken, refreshExpiresIn: Math.max(0, refreshSecondsLeft), sessionId }
  }

  /** Undefined when the session was not as it had been read: judge again. */
  async function actOn(session: SessionToJudge, presented: number): Promise<Tokens | undefined> {
    const { id: sessionId, userId, nonce } = session
    const judgement = judge(session, presented, life.graceSeconds)
    switch (judgement) {
      case 'ended':
        throw SessionRevoked()
      case 'expired':
        throw SessionExpired()
      case 'reused':
        await end((tx) => repository.endSession(tx, sessionId, 'reused'), 'reused')
        throw RefreshTokenReused()
      case 'repeat': {
        await repository.inTransaction((tx) => audit(tx, { action: 'session.refreshed_again', subject: `session/${sessionId}` }))
        const refreshToken = tokens.refresh.issue(sessionId, session.generation, nonce)
        return issue({
          userId,
          sessionId,
          refreshToken,
          refreshSecondsLeft: session.idleSecondsLeft,
          sessionSecondsLeft: session.absoluteSecondsLeft,
        })
      }
      case 'rotate': {
        if (presented > session.generation) log.warn({ sessionId }, 'the database has lost a refresh, the newer token goes on')
        const next = presented + 1
        if (!(await repository.rotate(sessionId, session.generation, next))) return undefined
        const refreshToken = tokens.refresh.issue(sessionId, next, nonce)
        const sessionSecondsLeft = session.absoluteSecondsLeft
        const refreshSecondsLeft = Math.min(life.idleDays * secondsPerDay, sessionSecondsLeft)
        return issue({ userId, sessionId, refreshToken, refreshSecondsLeft, sessionSecondsLeft })
      }
    }
  }

  async function requireGenuine(claim: RefreshClaim): Promise<SessionToJudge> {
    const session = await repository.findToJudge(claim.sessionId)
    if (!tokens.refresh.isGenuine(claim, session?.nonce) || !session) throw RefreshTokenInvalid()
    return session
  }

  async function carryOn(claim: RefreshClaim): Promise<Tokens> {
    let failure: unknown
    for (let round = 1; round <= mostJudgements; round++) {
      try {
        const session = await requireGenuine(claim)
        if (round === 1) await attempts.requireRefreshOf(session.id)
        const issued = await actOn(session, claim.generation)
        if (issued) return issued
      } catch (error) {
        // A connection lost under the rotation leaves open whether it was written: reading the row again tells.
        if (!isAppError(error) || error.status !== 503) throw error
        failure = error
      }
    }
    throw failure ?? DependencyUnavailable({ dependency: 'sessions' })
  }

  return {
    async begin({ userId, device, ip }, within) {
      const nonce = randomBytes(16)
      const { sessionId, surplus } = await repository.inTransaction(async (tx) => {
        // Suspended or closed between the password and here.
        if (!(await repository.lockActiveUser(tx, userId))) throw InvalidCredentials()
        const sessionId = await repository.insertSession(tx, { userId, nonce, device: device ?? null, ip: ipBytes(ip) })
        const live = await repository.liveSessions(tx, userId)
        const surplus: EndedSession[] = []
        for (const id of live.slice(0, Math.max(0, live.length - mostSessions)))
          surplus.push(...(await repository.endSession(tx, id, 'limit')))
        await endWithin(tx, surplus, 'limit')
        await within(tx)
        await audit(tx, { action: 'login.ok', subject: `user/${userId}`, after: { sessionId } })
        return { sessionId, surplus }
      })
      await states.spread(surplus)
      return issue({
        userId,
        sessionId,
        refreshToken: tokens.refresh.issue(sessionId, 1, nonce),
        refreshSecondsLeft: Math.min(life.idleDays, life.maxDays) * secondsPerDay,
        sessionSecondsLeft: life.maxDays * secondsPerDay,
      })
    },

    async refresh(token, ip) {
      await attempts.requireRefreshFrom(ip)
      const claim = tokens.refresh.read(token)
      if (!claim) throw RefreshTokenInvalid()
      return oneAtATime(token, () => carryOn(claim))
    },

    async endByToken(token) {
      const claim = tokens.refresh.read(token)
      const session = claim && (await repository.findToJudge(claim.sessionId))
      if (!claim || !tokens.refresh.isGenuine(claim, session?.nonce)) return
      await end((tx) => repository.endSession(tx, claim.sessionId, 'logout'), 'logout')
    },

    end,
    endWithin,
  }
}
