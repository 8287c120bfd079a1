/** One line of the API's log, which is JSON, as a line for people. What is not JSON passes as it is. */
export function readableLogLine(line: string): string {
  const entry = parse(line)
  if (!entry) return line
  const { time, level, msg, method, url, path, status, statusCode, ms, durationMs, err, error, ...rest } = entry
  const clock = typeof time === 'number' || typeof time === 'string' ? new Date(time).toISOString().slice(11, 23) : ''
  const request = [method, url ?? path, status ?? statusCode, round(ms ?? durationMs)].filter((part) => part !== undefined).join(' ')
  const details = Object.entries(rest)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [clock, levelName(level).padEnd(5), request, request === '' || !method ? text(msg) : undefined, ...details, cause(err ?? error)]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
}

/** Whether it is worth a look while everything starts. */
export function isWarning(line: string): boolean {
  const entry = parse(line)
  return entry === undefined ? line.trim() !== '' : ['warn', 'error', 'fatal'].includes(levelName(entry.level))
}

export function isReady(line: string): boolean {
  return parse(line)?.msg === 'ready'
}

const hidden = new Set(['pid', 'hostname', 'route', 'trace'])
const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function levelName(level: unknown): string {
  return typeof level === 'number' ? (levels[level] ?? String(level)) : String(level ?? 'info')
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const round = (ms: unknown): string | undefined => (typeof ms === 'number' ? `${ms.toFixed(1)} ms` : undefined)

function cause(error: unknown): string | undefined {
  if (typeof error === 'string') return error
  if (typeof error !== 'object' || error === null) return undefined
  const { stack, message } = error as { stack?: unknown; message?: unknown }
  return `\n${text(stack) ?? text(message) ?? JSON.stringify(error)}`
}
