import { type ApiDocument, type Operation, readApiDocument } from './api-document.ts'
import { type Answer, type Asked, addressOf, json, type Line, openLine, wrongWith } from './surface.ts'
import { type System, startSystem } from './system.ts'

/** A system, its document and its administrator, to be attacked operation by operation. */
export interface Siege {
  system: System
  document: ApiDocument
  line: Line
  /** Of the administrator: nothing stops at missing rights. */
  token: string
  /** Sends the attacks of each operation and lists every answer that is not the expected one. */
  attack(
    operations: readonly Operation[],
    attacksOf: (operation: Operation) => readonly Attack[],
    expected: Expected,
  ): Promise<{ sent: number; wrong: string[] }>
  end(): Promise<void>
}

/** What is sent, and where it differs from the operation's own address. */
export interface Attack extends Asked {
  path?: string
  method?: string
}

/** What must come back. */
export interface Expected {
  status: number
  code?: string
  /** What else is wrong with the answer. */
  also?: (answer: Answer) => string | undefined
}

export async function laySiege(): Promise<Siege> {
  const system = await startSystem()
  const document = await readApiDocument(system.url)
  const line = openLine(system.url)
  const { body } = await system.api.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: system.admin })
  const token = body.accessToken
  return {
    system,
    document,
    line,
    token,
    async attack(operations, attacksOf, { status, code, also }) {
      let sent = 0
      const wrong: string[] = []
      for (const operation of operations) {
        for (const { path = addressOf(operation), method = operation.method, ...asked } of attacksOf(operation)) {
          sent += 1
          const headers = { ...(operation.versioned === 'required' ? { 'if-match': '"v1"' } : {}), ...asked.headers }
          const answer = await line.ask(method, path, { token, ...asked, headers })
          const found = wrongWith(document, operation, answer)
          if (answer.status !== status || (code !== undefined && answer.body?.code !== code))
            found.push(`answered ${answer.status} ${answer.body?.code ?? ''}, not ${status} ${code ?? ''}`)
          const more = also?.(answer)
          if (more !== undefined) found.push(more)
          const what = `${method} ${path} ${typeof asked.body === 'string' ? asked.body.slice(0, 80) : ''}`
          for (const each of found) wrong.push(`${what}: ${each}`)
        }
      }
      return { sent, wrong }
    },
    async end() {
      await line.close()
      await system.stop()
    },
  }
}

/** A request of the operation that its schemas take, as far as the document's example goes. */
export function valid(operation: Operation): Pick<Asked, 'body' | 'headers'> {
  return operation.body === undefined ? {} : json(operation.example ?? {})
}
