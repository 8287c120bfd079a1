import { type DestinationStream, destination, pino } from 'pino'

/** One JSON object per line on standard output: an object first, then a short lower-case sentence. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: Record<string, unknown>): Log
  /** Writes out what is buffered; called before the process ends. */
  flush(): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogSettings {
  logLevel: string
}

// Whatever a caller hands over by mistake under these names stays inside.
const secrets = ['password', 'currentPassword', 'refreshToken', 'accessToken', 'token', 'authorization', 'cookie', 'secret', 'email']

export function createLog({ logLevel }: LogSettings, stream: DestinationStream = bufferedOutput()): Log {
  return pino(
    {
      level: logLevel,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
      redact: { paths: [...secrets, ...secrets.map((name) => `*.${name}`)], censor: '[redacted]' },
    },
    stream,
  )
}

/** Lines are handed to the system a few at a time: one write per line would cost more than making the line. */
function bufferedOutput(): DestinationStream {
  return destination({ dest: 1, sync: false, minLength: 4_096, periodicFlush: 200 })
}

/** An error with its causes, for the log only. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {}
  const cause = error.cause === undefined || depth >= 3 ? {} : { cause: describeError(error.cause, depth + 1) }
  return { name: error.name, message: error.message, ...code, stack: error.stack, ...cause }
}
