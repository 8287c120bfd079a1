import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { Pool } from 'undici'
import type { ApiDocument, Operation } from './api-document.ts'

/** Requests as no client library would send them, and what must be true of every answer to them. */

export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  text: string
  /** The parsed text; undefined when it is no JSON object. */
  body: Readonly<Record<string, unknown>> | undefined
}

export interface Asked {
  /** A stream goes out in chunks: nobody says how long it will be. */
  body?: string | Buffer | Readable
  headers?: Record<string, string>
  token?: string | undefined
}

export interface Line {
  ask(method: string, path: string, asked?: Asked): Promise<Answer>
  close(): Promise<void>
}

/** Paths go out as they are, whatever a URL parser would make of them. */
export function openLine(url: string, connections = 8): Line {
  const pool = new Pool(url, { connections, pipelining: 1 })
  return {
    async ask(method, path, { body, headers = {}, token } = {}) {
      const answer = await pool.request({
        // The client's list of methods is shorter than that of HTTP.
        method: method as 'GET',
        path,
        headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { body }),
      })
      const text = await answer.body.text()
      return { status: answer.statusCode, headers: flat(answer.headers), text, body: parsed(text) }
    },
    close: () => pool.close(),
  }
}

/** Bytes to a socket and an answer back, when the other side has closed. */
export async function askRaw(url: string, bytes: string | Buffer): Promise<Answer> {
  const [head = '', text = ''] = (await exchange(url, bytes)).split('\r\n\r\n', 2)
  const [first = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(lines.map((each) => each.split(': ', 2)).map(([name = '', value = '']) => [name.toLowerCase(), value]))
  return { status: Number(first.split(' ')[1]), headers, text, body: parsed(text) }
}

function exchange(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end(bytes))
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
  })
}

const flat = (headers: NodeJS.Dict<string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))

function parsed(text: string): Answer['body'] {
  if (!text.startsWith('{')) return undefined
  return JSON.parse(text)
}

/** What only the inside of the process knows. */
const leak =
  /\bER_[A-Z]|sqlState|errno|\bSELECT\b|INSERT INTO|UPDATE `|DELETE FROM|WHERE|node_modules|\.m?[jt]s:\d|ECONN|ENOENT|EPIPE|\n\s+at |mysql|maria|drizzle|ioredis|FST_ERR|HPE_|`[a-z_]+`|\/(?:work|home|tmp|usr|src)\//

const always: Readonly<Record<string, RegExp>> = {
  'x-content-type-options': /^nosniff$/,
  'content-security-policy': /^default-src 'none';/,
  'referrer-policy': /^no-referrer$/,
  'cache-control': /^(?:no-store|no-cache|public, max-age=\d+)$/,
  'x-request-id': /^[A-Za-z0-9._-]{8,64}$/,
}

/** Everything wrong with an answer, whatever was asked; nothing is the only right result. */
export function wrongWith(document: ApiDocument, operation: Operation | undefined, answer: Answer): string[] {
  const { status, headers, text, body } = answer
  const wrong: string[] = []
  for (const [name, form] of Object.entries(always)) {
    if (!form.test(headers[name] ?? '')) wrong.push(`header ${name}: ${headers[name] ?? 'missing'}`)
  }
  for (const name of ['server', 'x-powered-by']) if (name in headers) wrong.push(`header ${name}: ${headers[name]}`)
  if (status >= 500) wrong.push(`status ${status}: ${text.slice(0, 300)}`)
  if (operation?.tag !== 'platform' && leak.test(`${JSON.stringify(headers)}\n${text}`))
    wrong.push(`tells ${leak.exec(`${JSON.stringify(headers)}\n${text}`)?.[0]}: ${text.slice(0, 300)}`)

  if (status >= 400) {
    if (!headers['content-type']?.startsWith('application/problem+json')) wrong.push(`content type ${headers['content-type']}`)
    if (body === undefined || !document.isProblem(body)) wrong.push(`no problem: ${text.slice(0, 300)}`)
    else {
      const { code } = body
      if (body.status !== status) wrong.push(`status ${status} says ${body.status}`)
      if (body.requestId !== headers['x-request-id']) wrong.push('request ids differ')
      if (!String(body.type).endsWith(`/problems/${String(code).toLowerCase().replaceAll('_', '-')}`)) wrong.push(`type ${body.type}`)
      const known = code === 'METHOD_NOT_ALLOWED' || code === 'ROUTE_NOT_FOUND'
      if (operation && !known && !operation.answers.get(status)?.includes(String(code))) wrong.push(`not documented: ${status} ${code}`)
      if (status === 401 && !headers['www-authenticate']?.startsWith('Bearer')) wrong.push('401 without WWW-Authenticate')
      if ((status === 503 || status === 429) && headers['retry-after'] === undefined) wrong.push(`${status} without Retry-After`)
    }
  } else if (operation && status !== 304) {
    const fits = operation.gives.get(status)
    if (!operation.gives.has(status)) wrong.push(`not documented: ${status}`)
    if (fits && !fits(body)) wrong.push(`answer does not fit: ${JSON.stringify(fits.errors?.slice(0, 3))}`)
    if (status === 201 && headers.location === undefined) wrong.push('201 without Location')
  }
  return wrong
}

/** No row has it: attacks that get through hit nothing. */
const nobody = 2_147_483_647

/** The address of an operation; ids that are not given are nobody's, the rest is taken from the examples of the document. */
export function addressOf(operation: Operation, values: Readonly<Record<string, string | number>> = {}): string {
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const example = operation.pathParameters.find((parameter) => parameter.name === name)?.example
    // An example of a UUID is nobody's as well.
    return encodeURIComponent(String(values[name] ?? (name === 'id' && typeof example !== 'string' ? nobody : (example ?? 1))))
  })
}

export const json = (value: unknown): Pick<Asked, 'body' | 'headers'> => ({
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
})
