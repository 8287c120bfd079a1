import { type DestinationStream, destination, type Logger, pino } from 'pino'

/** One JSON object per line on standard output: an object first, then a short lower-case sentence. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: Record<string, unknown>): Log
  /** The line of a request: the one line that every request writes, so it is made by hand. */
  request(line: RequestLine): void
  /** Writes out what is buffered; called before the process ends. */
  flush(): void
}

type LogStream = DestinationStream & { flush?(): void; flushSync?(): void }

export interface RequestLine {
  requestId: string
  /** W3C trace id. */
  trace: string
  method: string
  route: string
  /** The address without its query, or empty. */
  path: string
  status: number
  ms: number
  /** `user/7`. */
  actor: string
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogSettings {
  logLevel: string
}

// Whatever a caller hands over by mistake under these names stays inside.
const secrets = ['password', 'currentPassword', 'refreshToken', 'accessToken', 'token', 'authorization', 'cookie', 'secret', 'email']

export function createLog({ logLevel }: LogSettings, stream: LogStream = bufferedOutput()): Log {
  const isoTime = isoClock()
  const lines = pino(
    {
      level: logLevel,
      base: null,
      timestamp: () => `,"time":"${isoTime()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
      redact: { paths: [...secrets, ...secrets.map((name) => `*.${name}`)], censor: '[redacted]' },
    },
    stream,
  )
  return withRequestLine(lines)

  function withRequestLine(logger: Logger): Log {
    return {
      debug: (fields, message) => logger.debug(fields, message),
      info: (fields, message) => logger.info(fields, message),
      warn: (fields, message) => logger.warn(fields, message),
      error: (fields, message) => logger.error(fields, message),
      child: (bindings) => withRequestLine(logger.child(bindings)),
      flush: () => {
        // The second alone would try for ever where nobody reads any more; the first notices it, and silences the stream.
        stream.flush?.()
        stream.flushSync?.()
      },
      request: (line) => {
        if (logger.isLevelEnabled('info')) stream.write(textOf(line, isoTime()))
      },
    }
  }
}

/** Request id, method, route, trace and actor come from closed alphabets; only the path can hold anything. */
const textOf = ({ requestId, trace, method, route, path, status, ms, actor }: RequestLine, time: string): string =>
  `{"level":"info","time":"${time}","requestId":"${requestId}","trace":"${trace}","method":"${method}","route":"${route}","path":${JSON.stringify(path)},"status":${status},"ms":${ms.toFixed(2)},"actor":"${actor}","msg":"request"}\n`

/** The text of an instant costs more than the rest of a line, and most lines share their second with the one before. */
function isoClock(): () => string {
  let second = Number.NaN
  let prefix = ''
  return () => {
    const now = Date.now()
    const whole = Math.floor(now / 1_000)
    if (whole !== second) {
      second = whole
      prefix = new Date(whole * 1_000).toISOString().slice(0, 20)
    }
    return `${prefix}${String(now % 1_000).padStart(3, '0')}Z`
  }
}

/**
 * Lines are handed to the system a few dozen at a time, by this thread: one write per line, or a visit to the thread pool, costs
 * more than making the line. At rest nothing is older than a fifth of a second.
 */
function bufferedOutput(): LogStream {
  return destination({ dest: 1, sync: true, minLength: 12_288, periodicFlush: 200 })
}

/** An error with its causes, for the log only. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {}
  const cause = error.cause === undefined || depth >= 3 ? {} : { cause: describeError(error.cause, depth + 1) }
  return { name: error.name, message: error.message, ...code, stack: error.stack, ...cause }
}
