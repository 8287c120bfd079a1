import { type Api, login, until } from '../../scripts/api.ts'
import { activateCustomer, demoShipment, profileOf, register, tomorrow } from '../../scripts/seed.ts'
import type { System } from './system.ts'

/** Everybody who may knock, each with things of their own, in one system. */

export const actors = [
  'anonymous',
  'garbage',
  'customer',
  'otherCustomer',
  'carrierOwner',
  'otherOwner',
  'ops',
  'auditor',
  'admin',
] as const
export type Actor = (typeof actors)[number]
type Person = Exclude<Actor, 'anonymous' | 'garbage'>

export interface Player {
  token: string | undefined
  userId: number | undefined
}

/** What stands behind an id in a path, by the resource's name in it. */
export interface Thing {
  owner: Person | undefined
  id: number | string
}

export interface Cast {
  players: Readonly<Record<Actor, Player>>
  things: Readonly<Record<string, readonly Thing[]>>
  /** A session of somebody, to be ended. */
  anotherSession(of: Person): Promise<number>
}

const password = 'seven tall lanterns'
const emailOf = (person: Person, { admin }: System): string => (person === 'admin' ? admin.email : `${person.toLowerCase()}@example.com`)

interface Tokens {
  accessToken: string
  sessionId: number
}

export async function gatherCast(system: System): Promise<Cast> {
  const { api, admin } = system
  const logIn = async (person: Person): Promise<Tokens> => {
    const secret = person === 'admin' ? admin.password : password
    return (await api.call<Tokens>('POST', '/v1/auth/login', { body: { email: emailOf(person, system), password: secret } })).body
  }
  const asAdmin = await login(api, admin.email, admin.password)

  const join = async (person: Person, more: object): Promise<number> => {
    const id = await register(api, { email: emailOf(person, system), password, firstName: 'Pat', lastName: person, ...more })
    if (person !== 'ops' && person !== 'auditor') return id
    const { etag } = await asAdmin.call('GET', `/v1/users/${id}`)
    await asAdmin.call('PUT', `/v1/users/${id}/roles`, { ifMatch: etag, body: { roles: [{ name: person }] } })
    return id
  }
  const [customer, otherCustomer, carrierOwner, otherOwner, ops, auditor] = await Promise.all([
    join('customer', { company: { name: 'Acme', country: 'US' } }),
    join('otherCustomer', { company: { name: 'Bolt', country: 'US' } }),
    join('carrierOwner', { userType: 'carrier' }),
    join('otherOwner', { userType: 'carrier' }),
    join('ops', {}),
    join('auditor', {}),
  ])
  const me = await asAdmin.call<{ user: { id: number } }>('GET', '/v1/auth/me')
  const userIds: Record<Person, number> = { customer, otherCustomer, carrierOwner, otherOwner, ops, auditor, admin: me.body.user.id }
  const tokens = Object.fromEntries(await Promise.all(people.map(async (person) => [person, await logIn(person)] as const)))
  const player = (person: Person): Player => ({ token: tokens[person]?.accessToken, userId: userIds[person] })
  const as = (person: Person): Api => api.as(tokens[person]?.accessToken ?? '')

  const profiles = await Promise.all(
    (['customer', 'otherCustomer'] as const).map(async (owner) => {
      const { id } = await profileOf(asAdmin, userIds[owner])
      await activateCustomer(asAdmin, id)
      return { owner, id }
    }),
  )
  // Left as drafts: whoever may browse sees none of them.
  const carriers = await Promise.all(
    (['carrierOwner', 'otherOwner'] as const).map(async (owner) => {
      const body = { code: owner.toLowerCase(), name: owner, modes: ['parcel'], countries: ['US'] }
      const { id } = (await as(owner).call<{ id: number }>('POST', '/v1/carriers', { body })).body
      await as(owner).call('POST', `/v1/carriers/${id}/services`, { body: { code: 'GROUND', name: 'Ground', mode: 'parcel' } })
      return { owner, id }
    }),
  )
  const quotes = await Promise.all(
    (['customer', 'otherCustomer'] as const).map(async (owner) => {
      // The customer's state reaches pricing through a copy that lives a moment.
      const quote = await until(
        'a quote',
        async () => (await as(owner).call<{ id: number }>('POST', '/v1/quotes', { body: demoShipment() })).body,
      )
      return { owner, id: quote.id }
    }),
  )
  const [carrier] = carriers
  const tariff = (
    await asAdmin.call<{ id: number }>('POST', '/v1/tariffs', {
      body: { code: 'public', name: 'Public', carrierId: carrier?.id, scope: 'public', currency: 'USD', timezone: 'UTC' },
    })
  ).body
  const weightPolicy = { weightUnit: 'kg', dimUnit: 'cm', aggregation: 'per_piece_sum', divisor: '5000' }
  await asAdmin.call('POST', `/v1/tariffs/${tariff.id}/versions`, { body: { effectiveFrom: tomorrow(), weightPolicy } })
  const rule = (
    await asAdmin.call<{ id: number }>('POST', '/v1/pricing-rules', {
      body: { code: 'FUEL', kind: 'surcharge', action: { percent: '10' }, effectiveFrom: tomorrow() },
    })
  ).body
  const [event] = (await asAdmin.call<{ data: { id: string }[] }>('GET', '/v1/events?limit=1')).body.data
  const roles = (await asAdmin.call<{ data: { id: number }[] }>('GET', '/v1/roles')).body.data

  return {
    players: {
      anonymous: { token: undefined, userId: undefined },
      garbage: { token: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwicm9sZXMiOlsiYWRtaW4iXX0.', userId: undefined },
      customer: player('customer'),
      otherCustomer: player('otherCustomer'),
      carrierOwner: player('carrierOwner'),
      otherOwner: player('otherOwner'),
      ops: player('ops'),
      auditor: player('auditor'),
      admin: player('admin'),
    },
    things: {
      users: people.map((owner) => ({ owner, id: userIds[owner] })),
      sessions: people.map((owner) => ({ owner, id: tokens[owner]?.sessionId ?? 0 })),
      customers: profiles,
      carriers,
      quotes,
      tariffs: [{ owner: undefined, id: tariff.id }],
      'pricing-rules': [{ owner: undefined, id: rule.id }],
      events: event ? [{ owner: undefined, id: event.id }] : [],
      roles: roles.slice(0, 1).map(({ id }) => ({ owner: undefined, id })),
    },
    anotherSession: async (of) => (await logIn(of)).sessionId,
  }
}

const people: readonly Person[] = ['customer', 'otherCustomer', 'carrierOwner', 'otherOwner', 'ops', 'auditor', 'admin']
