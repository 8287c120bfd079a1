import { isAppError } from '#platform/errors.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { Heads, Standing } from './desk-contract.ts'
import type { Desks } from './desks.ts'
import { ConsumerNotFound } from './errors.ts'
import { requireReason } from './reasons.ts'
import type { ConsumerAction, ConsumerStanding } from './schemas.ts'

/** Consumers, how far they are, and whether they work. */
export interface Consumers {
  /** Throws MODULE_UNAVAILABLE. */
  list(): Promise<PageOf<ConsumerStanding>>
  /**
   * Pausing holds in every process at once and for ever until resumed. Retiring gives up the consumer's claim on old events
   * and cannot be undone. Throws REASON_REQUIRED, CONSUMER_NOT_FOUND, INVALID_TRANSITION, MODULE_UNAVAILABLE.
   */
  change(name: string, action: ConsumerAction, reason: string | undefined): Promise<ConsumerStanding>
}

export function createConsumers(desks: Desks): Consumers {
  /** The logs that can be read now: one that is away makes a lag unknown, and nothing else. */
  async function heads(sources: readonly string[]): Promise<ReadonlyMap<string, Heads>> {
    const wanted = desks.all.filter(({ source }) => sources.includes(source))
    const asked = await Promise.allSettled(wanted.map(async (desk) => [desk.source, await desk.heads({})] as const))
    return new Map(asked.flatMap((each) => (each.status === 'fulfilled' && each.value[1] ? [[each.value[0], each.value[1]] as const] : [])))
  }

  async function withLag(standings: readonly Standing[]): Promise<ConsumerStanding[]> {
    const logs = await heads(standings.flatMap(({ standing }) => standing.sources.map(({ source }) => source)))
    return standings.map(({ standing, cursors }) => ({
      ...standing,
      sources: standing.sources.map((each) => ({ ...each, lag: lagOf(logs.get(each.source), each.source, cursors) })),
    }))
  }

  return {
    async list() {
      const standings = (await Promise.all(desks.all.map((desk) => desk.listConsumers({})))).flat()
      const data = await withLag(standings)
      return { data: data.sort((one, other) => (one.name < other.name ? -1 : 1)), page: { nextCursor: null, hasMore: false } }
    },

    async change(name, action, reason) {
      const given = requireReason(reason, action)
      const changed = await firstThatKnows(desks.of(name), (desk) => desk.changeConsumer({ name, action, reason: given }))
      const [standing] = changed ? await withLag([changed]) : []
      if (!standing) throw ConsumerNotFound({ id: name })
      return standing
    },
  }
}

/** One that no module subscribes any more can be anywhere: whoever does not know it says so, and the next is asked. */
async function firstThatKnows<D, R>(desks: readonly D[], ask: (desk: D) => Promise<R>): Promise<R | undefined> {
  for (const desk of desks) {
    try {
      return await ask(desk)
    } catch (error) {
      if (!isAppError(error) || error.code !== ConsumerNotFound.code) throw error
    }
  }
  return undefined
}

function lagOf(log: Heads | undefined, source: string, cursors: Standing['cursors']): number | null {
  const own = cursors.filter((cursor) => cursor.source === source)
  if (!log || own.some(({ generation }) => generation !== log.generation)) return null
  const heads = new Map(log.heads.map(({ part, seq }) => [part, seq]))
  return own.reduce((lag, { part, seq }) => lag + Math.max(0, (heads.get(part) ?? seq) - seq), 0)
}
