import { createConnection, type FieldPacket, type Connection as Socket } from 'mysql2'
import { type Flavour, flavourOf, isConnectionLoss, type SessionLimits, sessionStatement } from './database-dialect.ts'

/** One connection to a server, opened within a deadline, with the session settings every one of ours has. */

export interface ConnectionTarget {
  host: string
  port: number
  /** Absent: connected to the server, to no schema. */
  schema?: string
  username: string
  password: string
}

export type StatementResult = [rows: unknown, fields: FieldPacket[]]

export interface ServerConnection {
  readonly threadId: number
  readonly flavour: Flavour
  /** False once the connection must not be used or given to anybody again. */
  readonly alive: boolean
  /** Monotonic instant since which it is idle; kept by the pool. */
  idleSince: number
  /** Sends a statement prepared on the server. Rows as arrays when asked, because that is what the query builder maps. */
  execute(sql: string, parameters: unknown[], rowsAsArray: boolean): Promise<StatementResult>
  /** Sends text: transaction control, session settings, DDL. */
  text(sql: string): Promise<StatementResult>
  /** Monotonic instant since which the server owes an answer. */
  readonly waitingSince: number | undefined
  /** Ends the socket at once; whoever waits for an answer is told why. */
  destroy(reason?: Error): void
  /** Says goodbye to the server. */
  end(): void
}

export interface OpenOptions {
  connectMs: number
  limits: SessionLimits
  /** Called once, when the connection is lost while nobody uses it or in the middle of a statement. */
  lost?: () => void
}

export async function openConnection(target: ConnectionTarget, options: OpenOptions): Promise<ServerConnection> {
  const socket = createConnection({
    host: target.host,
    port: target.port,
    ...(target.schema === undefined ? {} : { database: target.schema }),
    user: target.username,
    password: target.password,
    connectTimeout: options.connectMs,
    charset: 'UTF8MB4_UNICODE_520_CI',
    timezone: 'Z',
    dateStrings: true,
    // 64-bit numbers and JSON always come as text: a type that depends on the value or on the server is a trap.
    supportBigNumbers: true,
    bigNumberStrings: true,
    jsonStrings: true,
    maxPreparedStatements: 500,
  })
  const connection = wrap(socket, options.lost ?? (() => {}))
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no connection to ${target.host}:${target.port} in ${options.connectMs} ms`)),
      options.connectMs,
    )
  })
  try {
    const serverVersion = await Promise.race([greeting(socket), late])
    connection.flavour = flavourOf(serverVersion)
    await Promise.race([connection.text(sessionStatement(connection.flavour, options.limits)), late])
    return connection
  } catch (error) {
    connection.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function greeting(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', (handshake: { serverVersion?: string } | undefined) => {
      socket.off('error', reject)
      resolve(handshake?.serverVersion ?? '')
    })
  })
}

function wrap(socket: Socket, lost: () => void): ServerConnection & { flavour: Flavour } {
  const waiting = new Set<(error: Error) => void>()
  let alive = true
  let waitingSince: number | undefined

  const die = (): void => {
    if (!alive) return
    alive = false
    lost()
  }
  // Without a listener a lost idle connection would end the process.
  socket.on('error', die)

  const send = (start: (done: (error: Error | null, rows: unknown, fields: FieldPacket[]) => void) => void): Promise<StatementResult> =>
    new Promise((resolve, reject) => {
      if (!alive) {
        reject(Object.assign(new Error('the connection is closed'), { fatal: true }))
        return
      }
      waitingSince ??= performance.now()
      waiting.add(reject)
      const settled = (): void => {
        waiting.delete(reject)
        waitingSince = waiting.size === 0 ? undefined : performance.now()
      }
      try {
        start((error, rows, fields) => {
          settled()
          if (error) {
            if (isConnectionLoss(error)) die()
            reject(error)
          } else resolve([rows, fields])
        })
      } catch (error) {
        settled()
        reject(error)
      }
    })

  return {
    flavour: 'mysql',
    idleSince: 0,
    get threadId() {
      return socket.threadId
    },
    get alive() {
      return alive
    },
    get waitingSince() {
      return waitingSince
    },
    execute: (sql, values, rowsAsArray) => send((done) => socket.execute({ sql, values, rowsAsArray }, done)),
    text: (sql) => send((done) => socket.query(sql, done)),
    destroy(reason = new Error('the connection was closed')) {
      alive = false
      socket.destroy()
      const error = Object.assign(reason, { fatal: true })
      for (const reject of [...waiting]) reject(error)
      waiting.clear()
    },
    end() {
      alive = false
      socket.end(() => {})
    },
  }
}
