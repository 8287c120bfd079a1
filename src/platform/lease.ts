import { randomUUID } from 'node:crypto'
import { isDuplicateKey } from './database-dialect.ts'

/**
 * A piece of work that one process at a time may do: a row with an owner and an end, moved by conditional UPDATE on the
 * database's clock. A lease spares double work; what must never happen twice is guarded by the work itself as well.
 */
export interface Leases {
  /** True when the lease is now ours. Taking it again prolongs it. */
  acquire(name: string, seconds: number): Promise<boolean>
  /** False when it has run out and gone to somebody else: stop. */
  renew(name: string, seconds: number): Promise<boolean>
  /** Lets the next one begin at once; does nothing when the lease is not ours any more. */
  release(name: string): Promise<void>
}

/** Whatever sends a prepared statement: a connection of the process, or the one of the migrations. */
export interface Statements {
  statement(sql: string, parameters: unknown[]): Promise<[result: unknown, fields: unknown]>
}

/** `owner` names this run of the process: a restarted process is another owner. */
export function createLeases(connection: Statements, owner: string = `${process.pid}-${randomUUID()}`): Leases {
  const moved = async (sql: string, parameters: unknown[]): Promise<boolean> => {
    const [result] = await connection.statement(sql, parameters)
    return typeof result === 'object' && result !== null && 'affectedRows' in result && result.affectedRows === 1
  }
  return {
    async acquire(name, seconds) {
      const taken = await moved(
        'UPDATE leases SET owner = ?, until = NOW(3) + INTERVAL ? SECOND WHERE name = ? AND (owner = ? OR owner IS NULL OR until < NOW(3))',
        [owner, seconds, name, owner],
      )
      if (taken) return true
      try {
        return await moved('INSERT INTO leases (name, owner, until) VALUES (?, ?, NOW(3) + INTERVAL ? SECOND)', [name, owner, seconds])
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    },
    renew: (name, seconds) =>
      moved('UPDATE leases SET until = NOW(3) + INTERVAL ? SECOND WHERE name = ? AND owner = ? AND until >= NOW(3)', [
        seconds,
        name,
        owner,
      ]),
    async release(name) {
      await moved('UPDATE leases SET owner = NULL WHERE name = ? AND owner = ?', [name, owner])
    },
  }
}
