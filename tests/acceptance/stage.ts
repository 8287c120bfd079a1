import type { Body, Client, Reply } from './client.ts'
import type { Contracts } from './neighbour.ts'

/** Somebody who has an account and is logged in. */
export interface Person extends Client {
  readonly userId: number
  readonly email: string
  readonly password: string
  readonly accessToken: string
  readonly refreshToken: string
  readonly sessionId: number
}

export interface Opened {
  client: Client
  contracts: Contracts
  admin: { email: string; password: string }
}

/** What the stories of a topology share: the people, and the things they have made. A story may count on those before it. */
export interface Stage {
  /** Called once, when the topology serves. */
  open(system: Opened): Promise<void>
  readonly nobody: Client
  readonly contracts: Contracts
  readonly admin: Person
  /** An account for somebody who need not log in; resolves with the id. */
  register(name: string, registration?: object): Promise<number>
  /**
   * Registers somebody, gives them roles besides, and logs them in; from then on everybody knows them by the name. The roles come
   * first: what a process has seen of somebody may be a second old.
   */
  join(name: string, registration?: object, ...roles: string[]): Promise<Person>
  /** Another session of somebody. */
  logIn(name: string): Promise<Person>
  /** These roles instead of those they have. */
  setRoles(userId: number, roles: readonly string[]): Promise<void>
  person(name: string): Person
  /** Of everybody who has an account. */
  userId(name: string): number
  /** An id that a story has kept for those after it. */
  keep(thing: string, id: number): void
  id(thing: string): number
}

export const password = 'seven tall lanterns'

const emailOf = (name: string): string => `${name}@example.com`

export const problem = (status: number, code: string) => ({ status, body: { code } })

export function createStage(): Stage {
  const people = new Map<string, Person>()
  const userIds = new Map<string, number>()
  const things = new Map<string, number>()
  let opened: Opened | undefined

  const served = (): Opened => {
    if (!opened) throw new Error('the topology does not serve yet')
    return opened
  }
  const nobody = (): Client => served().client
  const known = <T>(found: T | undefined, name: string): T => {
    if (found === undefined) throw new Error(`${name} belongs to a story before this one, which has not been told`)
    return found
  }

  async function register(name: string, registration: object = {}): Promise<number> {
    const body = { email: emailOf(name), password, firstName: name, lastName: 'Example', ...registration }
    const registered = ok(await nobody().ask('POST /v1/auth/register', { body }))
    userIds.set(name, registered.body.id)
    return registered.body.id
  }

  async function begin(name: string, email: string, secret: string): Promise<Person> {
    const { body } = ok(await nobody().ask('POST /v1/auth/login', { body: { email, password: secret, device: name } }))
    const [accessToken, refreshToken] = [String(body.accessToken), String(body.refreshToken)]
    const client = nobody().as(name, accessToken)
    const userId = userIds.get(name) ?? ok(await client.ask<{ user: Body }>('GET /v1/auth/me')).body.user.id
    userIds.set(name, userId)
    return { ...client, userId, email, password: secret, accessToken, refreshToken, sessionId: Number(body.sessionId) }
  }

  async function setRoles(userId: number, roles: readonly string[]): Promise<void> {
    const admin = known(people.get('admin'), 'admin')
    const { headers } = ok(await admin.ask(`GET /v1/users/${userId}`))
    ok(await admin.ask(`PUT /v1/users/${userId}/roles`, { ifMatch: headers.etag, body: { roles: roles.map((role) => ({ name: role })) } }))
  }

  async function logIn(name: string): Promise<Person> {
    const { email, password: secret } = known(people.get(name), name)
    return begin(name, email, secret)
  }

  return {
    async open(system) {
      opened = system
      people.set('admin', await begin('admin', system.admin.email, system.admin.password))
    },
    get contracts() {
      return served().contracts
    },
    get nobody() {
      return nobody()
    },
    get admin() {
      return known(people.get('admin'), 'admin')
    },
    register,
    async join(name, registration = {}, ...roles) {
      const userId = await register(name, registration)
      if (roles.length > 0) await setRoles(userId, roles)
      const person = await begin(name, emailOf(name), password)
      people.set(name, person)
      return person
    },
    logIn,
    setRoles,
    person: (name) => known(people.get(name), name),
    userId: (name) => known(userIds.get(name), name),
    keep: (thing, id) => void things.set(thing, id),
    id: (thing) => known(things.get(thing), thing),
  }
}

/** The answer, when it is a success. */
export function ok<T>(reply: Reply<T>): Reply<T> {
  if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`)
  return reply
}
