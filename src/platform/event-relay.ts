import { sql } from 'drizzle-orm'
import type { Database, DatabaseName } from './databases.ts'
import { delayOfOutage } from './event-retries.ts'
import { listOf, matchedRows, numberOf, padded, selectRows } from './event-statements.ts'

/**
 * Gives committed events their numbers. An event and its number commit under one row lock, so numbers have no gaps and only
 * committed events have one: a consumer that reads by number can skip nothing. AUTO_INCREMENT ids are given before the commit
 * and would be skipped by whoever reads `id > last`.
 */
export interface Relay {
  /** There may be events without a number in this partition. */
  wake(part: number): void
  /** The same, told by another process: left to whoever has the lease. */
  wakeHeld(part: number): void
  /** Ends after the pass under way and gives the leases back. */
  stop(): Promise<void>
}

export interface RelayNeeds {
  database: Database<DatabaseName>
  /** Names this run of the process: a restart is another owner. */
  owner: string
  /** The newest number of a partition after new ones were given. */
  numbered: (part: number, head: number, count: number) => void
  failed: (error: unknown) => void
}

const perPass = 200
const leaseSeconds = 2
/** Our own clock trusts a lease half as long as the database does. */
const trustMs = 1_000

export function createRelay({ database, owner, numbered, failed }: RelayNeeds): Relay {
  const { db, withTx } = database.events
  const wanted = new Set<number>()
  const leasedAt = new Map<number, number>()
  let working: Promise<void> | undefined
  let stopping = false
  let outage = 0
  let retry: NodeJS.Timeout | undefined

  function wake(part: number): void {
    wanted.add(part)
    begin()
  }

  function begin(): void {
    if (stopping || working || retry) return
    working = work().finally(() => {
      working = undefined
      if (wanted.size > 0) begin()
    })
  }

  async function work(): Promise<void> {
    while (wanted.size > 0 && !stopping && !retry) {
      const parts = [...wanted].sort((a, b) => a - b)
      wanted.clear()
      try {
        await pass(parts)
        outage = 0
      } catch (error) {
        failed(error)
        for (const part of parts) wanted.add(part)
        outage += 1
        retry = setTimeout(() => {
          retry = undefined
          begin()
        }, delayOfOutage(outage))
      }
    }
  }

  async function pass(parts: readonly number[]): Promise<void> {
    const owned = await lease(parts)
    if (owned.length === 0) return
    for (const { part, head, count } of await number(owned)) {
      if (count === perPass) wanted.add(part)
      numbered(part, head, count)
    }
  }

  /** The lease only spares work: what makes numbers safe is the lock on the row and the owner read under it. */
  async function lease(parts: readonly number[]): Promise<readonly number[]> {
    const now = performance.now()
    const missing = parts.filter((part) => now - (leasedAt.get(part) ?? Number.NEGATIVE_INFINITY) > trustMs)
    if (missing.length === 0) return parts
    const matched = await matchedRows(
      db,
      sql`UPDATE outbox_sequence SET owner = ${owner}, until = NOW(3) + INTERVAL ${leaseSeconds} SECOND
          WHERE part IN (${listOf(missing)}) AND (owner IN ('', ${owner}) OR until < NOW(3))`,
    )
    const got =
      matched === missing.length
        ? missing
        : (await selectRows(db, sql`SELECT part FROM outbox_sequence WHERE part IN (${listOf(missing)}) AND owner = ${owner}`)).map((row) =>
            numberOf(row, 'part'),
          )
    for (const part of missing) leasedAt.delete(part)
    for (const part of got) leasedAt.set(part, now)
    return parts.filter((part) => leasedAt.has(part))
  }

  function number(parts: readonly number[]): Promise<readonly Numbering[]> {
    return withTx(async (tx) => {
      const sequences = await selectRows(
        tx.db,
        sql`SELECT part, next_seq FROM outbox_sequence WHERE part IN (${listOf(parts)}) AND owner = ${owner} ORDER BY part FOR UPDATE`,
      )
      if (sequences.length === 0) return []
      const pending = await selectRows(
        tx.db,
        sql.join(
          sequences.map(
            (row) => sql`(SELECT id, part FROM outbox FORCE INDEX (pending)
              WHERE pub_seq IS NULL AND part = ${numberOf(row, 'part')} ORDER BY id LIMIT ${perPass})`,
          ),
          sql` UNION ALL `,
        ),
      )
      const idsByPart = Map.groupBy(pending, (row) => numberOf(row, 'part'))
      const numberings: Numbering[] = []
      for (const row of sequences) {
        const part = numberOf(row, 'part')
        const ids = (idsByPart.get(part) ?? []).map((found) => numberOf(found, 'id')).sort((a, b) => a - b)
        if (ids.length === 0) continue
        const next = numberOf(row, 'next_seq')
        const list = listOf(padded(ids))
        const matched = await matchedRows(
          tx.db,
          sql`UPDATE outbox SET pub_seq = ${next - 1} + FIELD(id, ${list}) WHERE id IN (${list}) AND pub_seq IS NULL`,
        )
        if (matched !== ids.length) throw new Error(`${matched} of ${ids.length} events of partition ${part} took a number`)
        numberings.push({ part, head: next - 1 + ids.length, count: ids.length })
        await matchedRows(
          tx.db,
          sql`UPDATE outbox_sequence SET next_seq = ${next + ids.length}, until = NOW(3) + INTERVAL ${leaseSeconds} SECOND WHERE part = ${part}`,
        )
      }
      return numberings
    })
  }

  return {
    wake,
    wakeHeld(part) {
      if (leasedAt.has(part)) wake(part)
    },
    async stop() {
      stopping = true
      clearTimeout(retry)
      await working
      if (leasedAt.size === 0) return
      // With the database away the leases run out by themselves.
      await matchedRows(
        db,
        sql`UPDATE outbox_sequence SET owner = '' WHERE part IN (${listOf([...leasedAt.keys()])}) AND owner = ${owner}`,
      ).catch(() => {})
    },
  }
}

interface Numbering {
  part: number
  head: number
  count: number
}
