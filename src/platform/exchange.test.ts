import { generateKeyPairSync } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import Type from 'typebox'
import { Pool } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { memoryLog } from '#support/http.ts'
import { currentContext, runInContext } from './context.ts'
import { post } from './contract-request.ts'
import { type ContractOf, command, defineContract, lookup, Nothing, offer, query } from './contracts.ts'
import { defineError, defineReferenceError } from './errors.ts'
import { createExchange, type Exchange } from './exchange.ts'
import { createHealth } from './health.ts'
import { createInternal } from './internal.ts'
import { createMetrics } from './metrics.ts'
import type { ModuleName } from './module-table.ts'
import type { ServiceIdentity } from './service-keys.ts'

const closed = { additionalProperties: false } as const
const Parcel = Type.Object({ id: Type.Integer(), note: Type.String() }, closed)
const parcels = defineContract('user', 1, {
  getParcel: lookup({ input: Type.Object({ id: Type.Integer({ minimum: 1 }) }, closed), output: Parcel, errors: ['PARCEL_LOCKED'] }),
  weigh: query({ input: Type.Object({}, closed), output: Type.Object({ grams: Type.Integer() }, closed), deadlineMs: 5_000 }),
  send: command({ input: Type.Object({}, closed), output: Nothing, deadlineMs: 200 }),
  secret: query({ input: Type.Object({}, closed), output: Nothing, unitOnly: true }),
})
type Parcels = ContractOf<typeof parcels>

const ParcelLocked = defineError<{ id: number }>({ code: 'PARCEL_LOCKED', status: 409, sentence: 'Parcel {id} is locked.', retryAfter: 7 })
const PortReferenceNotFound = defineReferenceError('PORT_NOT_FOUND')

const pair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}
const keys = { front: pair(), middle: pair(), back: pair() }
const hosts: Record<keyof typeof keys, ModuleName[]> = { front: ['pricing'], middle: ['customer', 'carrier'], back: ['auth', 'user'] }
const processes = Object.fromEntries(
  Object.entries(keys).map(([name, { publicKey }]) => [
    name,
    { modules: hosts[name === 'front' || name === 'middle' ? name : 'back'], publicKey },
  ]),
)
const identity = (name: keyof typeof keys): ServiceIdentity => ({ name, privateKey: keys[name].privateKey, processes })

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

interface World {
  exchange: Exchange
  metrics: ReturnType<typeof createMetrics>
  log: ReturnType<typeof memoryLog>
}

function openProcess(name: keyof typeof keys, peers: Partial<Record<ModuleName, readonly string[]>> = {}): World {
  const metrics = createMetrics({ process: false })
  const log = memoryLog()
  const exchange = createExchange({ config: { transport: 'local', modules: hosts[name], peers, service: identity(name) }, metrics, log })
  endings.push(() => exchange.close())
  return { exchange, metrics, log }
}

async function listen({ exchange, log }: World, isStarted = true, isUnproven = (_: string) => false): Promise<string> {
  const health = createHealth({ log, modules: [] })
  if (isStarted) health.started()
  const internal = createInternal({ health, contracts: exchange.server, isUnproven, log })
  const { port } = await internal.listen({ host: '127.0.0.1', port: 0 })
  endings.push(() => internal.close(0))
  return `http://127.0.0.1:${port}`
}

const nothing: Parcels = {
  getParcel: async () => undefined,
  weigh: async () => ({ grams: 1 }),
  send: async () => ({}),
  secret: async () => ({}),
}

/** The parcels of a process behind HTTP, as customer in another process gets them. */
async function lendParcels(over: Partial<Parcels>): Promise<{ lent: Parcels; caller: World; owner: World }> {
  const owner = openProcess('back')
  owner.exchange.offer(parcels, { ...nothing, ...over })
  const url = await listen(owner)
  const caller = openProcess('middle', { user: [url] })
  return { lent: caller.exchange.offer(parcels, undefined).to('customer'), caller, owner }
}

/** The parcels of something that only looks like a process of ours. */
async function lendFrom(answer: RequestListener | Server, deaf = false): Promise<{ lent: Parcels; caller: World }> {
  const server = typeof answer === 'function' ? createServer(answer) : answer
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endings.push(() => {
    server.close()
    if (!deaf && 'closeAllConnections' in server) server.closeAllConnections()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const caller = openProcess('middle', { user: [`http://127.0.0.1:${port}`] })
  return { lent: caller.exchange.offer(parcels, undefined).to('customer'), caller }
}

interface Failure {
  code: string
  status: number
  message: string
  cause: string
}

async function failureOf(call: Promise<unknown>): Promise<Partial<Failure> | 'none'> {
  try {
    await call
    return 'none'
  } catch (error) {
    if (typeof error !== 'object' || error === null) throw error
    const { code, status, message, cause }: { code?: string; status?: number; message?: string; cause?: unknown } = error
    return {
      ...(code === undefined ? {} : { code }),
      ...(status === undefined ? {} : { status }),
      ...(message === undefined ? {} : { message }),
      cause: cause instanceof Error ? cause.message : '',
    }
  }
}

describe('a contract between two processes', () => {
  it('answers what the implementation answers, undefined included', async () => {
    const { lent } = await lendParcels({ getParcel: async ({ id }) => (id === 1 ? { id, note: 'fragile' } : undefined) })

    expect(await lent.getParcel({ id: 1 })).toEqual({ id: 1, note: 'fragile' })
    expect(await lent.getParcel({ id: 2 })).toBeUndefined()
  })

  it('brings a declared error back with code, status, details and what goes with it', async () => {
    const { lent } = await lendParcels({
      getParcel: async ({ id }) => {
        throw id === 1 ? ParcelLocked({ id }) : PortReferenceNotFound({ id })
      },
    })

    await expect(lent.getParcel({ id: 1 })).rejects.toMatchObject({ code: 'PARCEL_LOCKED', status: 409, details: { id: 1 }, retryAfter: 7 })
    await expect(lent.getParcel({ id: 2 })).rejects.toMatchObject({ code: 'PORT_NOT_FOUND', status: 422 })
  })

  it('carries who asks, under which request and trace, and until when', async () => {
    let seen = currentContext()
    const { lent } = await lendParcels({
      weigh: async () => {
        seen = currentContext()
        return { grams: 2 }
      },
    })
    const principal = { kind: 'user', userId: 7, sessionId: 9, roles: ['ops'], can: { 'customer:read': 'own' } } as const
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

    const deadline = performance.now() + 900
    await runInContext({ requestId: 'request-1', principal, traceparent, correlationId: 'first-cause', deadline }, () => lent.weigh({}))

    expect(seen).toMatchObject({ requestId: 'request-1', principal, traceparent, correlationId: 'first-cause' })
    expect((seen.deadline ?? 0) - performance.now()).toBeLessThan(900)
  })

  it('counts its calls as in one process', async () => {
    const { lent, caller, owner } = await lendParcels({})
    const local = createExchange({
      config: { transport: 'local', modules: ['auth', 'user', 'customer'], peers: {} },
      metrics: createMetrics({ process: false }),
      log: memoryLog(),
    })
    const here = createMetrics({ process: false })
    const inside = createExchange({
      config: { transport: 'local', modules: ['user', 'customer'], peers: {} },
      metrics: here,
      log: memoryLog(),
    })
      .offer(parcels, nothing)
      .to('customer')
    await local.close()

    for (const each of [lent, inside]) await each.weigh({})

    const counted = async ({ registry }: World['metrics']): Promise<string[]> =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith('bulkhead_contract_calls_total{'))
    expect(await counted(caller.metrics)).toEqual(['bulkhead_contract_calls_total{caller="customer",module="user",operation="weigh"} 1'])
    expect(await counted(here)).toEqual(await counted(caller.metrics))
    expect(await counted(owner.metrics)).toEqual([])
  })

  it('TP-16: in one process the caller gets the very promise of the implementation for its very input: one counter stands between', async () => {
    const answer = Promise.resolve({ grams: 4 })
    const asked: unknown[] = []
    const metrics = createMetrics({ process: false })
    const weigh = (...input: unknown[]) => {
      asked.push(...input)
      return answer
    }
    const inside = createExchange({ config: { transport: 'local', modules: ['user', 'customer'], peers: {} }, metrics, log: memoryLog() })
    const offered = offer(parcels, { ...nothing, weigh }, { transport: 'local' })
    const lent = inside.offer(parcels, { ...nothing, weigh }).to('customer')
    const input = {}

    expect(offered.weigh).toBe(weigh)
    expect(lent.weigh(input)).toBe(answer)
    expect(asked).toEqual([input])
    expect(asked[0]).toBe(input)
    expect(await metrics.registry.metrics()).toContain('caller="customer",module="user",operation="weigh"} 1')
  })

  it('is refused at composition to whoever is no neighbour', async () => {
    const { caller } = await lendParcels({})

    expect(() => caller.exchange.offer(parcels, undefined).to('pricing')).toThrow('pricing does not know user')
  })

  it('does not lend what is for the unit alone', async () => {
    const { lent } = await lendParcels({})

    expect((await failureOf(lent.secret({}))) !== 'none').toBe(true)
  })

  it('an error that no contract knows becomes a 500 that says so', async () => {
    const { lent } = await lendParcels({
      weigh: async () => {
        throw new RangeError('scales broken')
      },
    })

    expect(await failureOf(lent.weigh({}))).toMatchObject({ code: 'CONTRACT_ERROR_UNDECLARED', status: 500 })
  })

  it('a newer peer may say more than the contract knows', async () => {
    const { lent } = await lendFrom((_, reply) => void reply.writeHead(200).end('{"answer":{"grams":3,"scale":"new"}}'))

    expect(await lent.weigh({})).toMatchObject({ grams: 3 })
  })
})

describe('TP-11: a peer in trouble', () => {
  const unavailable = { code: 'DEPENDENCY_UNAVAILABLE', status: 503, message: expect.stringContaining('user') }

  it('that is dead costs a 503 that names it, at once', async () => {
    const caller = openProcess('middle', { user: ['http://127.0.0.1:1'] })
    const lent = caller.exchange.offer(parcels, undefined).to('customer')
    const started = performance.now()

    const failure = await failureOf(lent.weigh({}))

    expect(failure).toMatchObject({ ...unavailable, cause: expect.stringContaining('user at http://127.0.0.1:1 does not answer') })
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  it.each<[string, RequestListener]>([
    ['text that is no JSON', (_, reply) => void reply.writeHead(200).end('<html>')],
    ['an empty answer', (_, reply) => void reply.writeHead(200).end()],
    ['204 where there must be an answer', (_, reply) => void reply.writeHead(204).end()],
    ['an answer its contract does not promise', (_, reply) => void reply.writeHead(200).end('{"answer":{"grams":"heavy"}}')],
    ['an error without a code', (_, reply) => void reply.writeHead(500).end('{"error":{"message":"x"}}')],
    ['somebody else’s 404', (_, reply) => void reply.writeHead(404).end('{"message":"nothing here"}')],
    ['half an answer', (_, reply) => void reply.writeHead(200, { 'content-length': '100' }).write('{"answer"', () => reply.destroy())],
    ['a closed line', (request) => request.socket.destroy()],
  ])('that sends %s is refused with a 503', async (_, answer) => {
    const { lent } = await lendFrom(answer)

    expect(await failureOf(lent.weigh({}))).toMatchObject(unavailable)
  })

  it('that refuses the caller is a 503 for the request, and the log can say why', async () => {
    const { exchange } = openProcess('back')
    exchange.offer(parcels, nothing)
    const url = await listen({ exchange, log: memoryLog(), metrics: createMetrics({ process: false }) })
    const stranger = createExchange({
      config: {
        transport: 'local',
        modules: ['customer'],
        peers: { user: [url] },
        service: { ...identity('middle'), privateKey: pair().privateKey },
      },
      metrics: createMetrics({ process: false }),
      log: memoryLog(),
    })
    endings.push(() => stranger.close())

    const failure = await failureOf(stranger.offer(parcels, undefined).to('customer').weigh({}))

    expect(failure).toMatchObject({ ...unavailable, cause: expect.stringContaining('refused the call: This needs a token') })
  })

  it('that accepts and says nothing ends with the deadline of the operation, a command with an unknown outcome', async () => {
    const deaf = createTcpServer((socket) => {
      endings.push(() => socket.destroy())
    })
    const { lent } = await lendFrom(deaf as Server, true)
    const started = performance.now()

    const outcomes = await Promise.all([failureOf(lent.getParcel({ id: 1 })), failureOf(lent.send({}))])

    expect(outcomes).toMatchObject([
      { code: 'DEADLINE_EXCEEDED', status: 503 },
      { code: 'REMOTE_OUTCOME_UNKNOWN', status: 503 },
    ])
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  it('that stays in trouble is spared: the next callers are refused at once, and let in again when it is back', async () => {
    let calls = 0
    let isBroken = true
    const { lent } = await lendFrom((request, reply) => {
      calls += 1
      if (isBroken) request.socket.destroy()
      else reply.writeHead(200).end('{"answer":{"grams":4}}')
    })
    for (let n = 0; n < 20; n += 1) await failureOf(lent.weigh({}))
    const before = calls
    const spared: unknown[] = []
    const times: number[] = []
    for (let n = 0; n < 5; n += 1) {
      const started = performance.now()
      spared.push(await failureOf(lent.weigh({})))
      times.push(performance.now() - started)
    }

    expect({ spared, more: calls - before }).toMatchObject({ spared: Array(5).fill(unavailable), more: 0 })
    // The quickest: a busy machine may be late once, a caller that waits for the peer is late every time.
    expect(Math.min(...times)).toBeLessThan(10)
    expect(before).toBeLessThanOrEqual(22)
    isBroken = false
    await expect.poll(() => lent.weigh({}).catch(() => undefined), { timeout: 5_000 }).toEqual({ grams: 4 })
  })

  it('is passed over where another address of the module takes the call: nobody there, one that is starting, or one whose database is not proven has begun nothing, so a command goes on as well', async () => {
    const owner = openProcess('back')
    owner.exchange.offer(parcels, nothing)
    const [starting, unproven] = [openProcess('back'), openProcess('back')]
    for (const { exchange } of [starting, unproven])
      exchange.offer(parcels, { ...nothing, send: () => Promise.reject(new Error('not yet')) })
    const silent = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
    const away = [...silent, await listen(starting, false), await listen(unproven, true, (module) => module === 'user')]
    const caller = openProcess('middle', { user: [...away, await listen(owner)] })
    const lent = caller.exchange.offer(parcels, undefined).to('customer')

    const outcomes: unknown[] = []
    for (let n = 0; n < 30; n += 1) outcomes.push(await failureOf(lent.weigh({})), await failureOf(lent.send({})))

    expect(outcomes.filter((outcome) => outcome !== 'none')).toEqual([])
    expect(await caller.metrics.registry.metrics()).not.toMatch(/calls_repeated_total\{.*\} [1-9]/)
  })

  it('that was away is asked again when it is back, also while another address serves', async () => {
    let isBroken = true
    let calls = 0
    const shaky = createServer((request, reply) => {
      calls += 1
      if (isBroken) request.socket.destroy()
      else reply.writeHead(200).end('{"answer":{"grams":4}}')
    })
    await new Promise<void>((resolve) => shaky.listen(0, '127.0.0.1', resolve))
    endings.push(() => {
      shaky.close()
      shaky.closeAllConnections()
    })
    const address = shaky.address()
    const owner = openProcess('back')
    owner.exchange.offer(parcels, nothing)
    const urls = [`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, await listen(owner)]
    const caller = openProcess('middle', { user: urls })
    const lent = caller.exchange.offer(parcels, undefined).to('customer')
    for (let n = 0; n < 40; n += 1) await failureOf(lent.weigh({}))
    const spared = calls

    isBroken = false
    const answers = async (): Promise<number | undefined> => (await lent.weigh({}).catch(() => undefined))?.grams

    await expect.poll(answers, { timeout: 5_000 }).toBe(4)
    expect(spared).toBeLessThan(20)
  })

  it('a command is sent once, whatever becomes of it', async () => {
    let calls = 0
    const { lent } = await lendFrom((request) => {
      calls += 1
      request.socket.destroy()
    })

    expect(await failureOf(lent.send({}))).toMatchObject({ code: 'REMOTE_OUTCOME_UNKNOWN' })
    expect(calls).toBe(1)
  })

  it('that loses commands is spared like one that loses questions', async () => {
    const { lent, caller } = await lendFrom(({ socket }) => void socket.destroy())

    for (let n = 0; n < 10; n += 1) await failureOf(lent.send({}))

    expect(await failureOf(lent.send({}))).toMatchObject(unavailable)
    expect(await caller.metrics.registry.metrics()).toMatch(/call_duration_seconds_count\{[^}]*operation="send",outcome="failure"\} 10/)
  })

  it.each([
    ['nonsense', 200, 'It works!'],
    ['what something in between says', 502, '<h1>Bad Gateway</h1>'],
    ['an answer that the contract does not know', 200, '{"answer":"sent"}'],
  ])('a command that is answered with %s may have been carried out', async (_, status, text) => {
    const { lent } = await lendFrom((_request, reply) => void reply.writeHead(status).end(text))

    expect(await failureOf(lent.send({}))).toMatchObject({ code: 'REMOTE_OUTCOME_UNKNOWN', cause: expect.stringContaining('answered') })
    expect(await failureOf(lent.weigh({}))).toMatchObject(unavailable)
  })

  it('a call whose time is over before it is sent does not wait for a connection', async () => {
    const pool = new Pool('http://127.0.0.1:1', { connect: (_options, _connected) => undefined })
    endings.push(() => pool.destroy())
    const late = post(pool, { path: '/', headers: {}, body: '', signal: AbortSignal.abort(new Error('too late')) })

    await expect(Promise.race([late, new Promise((resolve) => setTimeout(resolve, 500, 'it waits'))])).rejects.toThrow('too late')
  })
})

describe('TP-18: a deadline over three processes', () => {
  const hop = (module: 'customer' | 'user') =>
    defineContract(module, 1, {
      weigh: query({ input: Type.Object({}, closed), output: Type.Object({ grams: Type.Integer() }, closed), deadlineMs: 5_000 }),
    })

  it('of 300 ms is answered in 320, and no process works on after it', async () => {
    const stopped: string[] = []
    const last = openProcess('back')
    last.exchange.offer(hop('user'), {
      weigh: async () => {
        currentContext().signal?.addEventListener('abort', () => stopped.push('last'))
        return new Promise(() => {})
      },
    })
    const middle = openProcess('middle', { user: [await listen(last)] })
    const ofLast = middle.exchange.offer(hop('user'), undefined).to('customer')
    middle.exchange.offer(hop('customer'), {
      // By its own deadline, or because the last one said in time that the time is over.
      weigh: () => ofLast.weigh({}).finally(() => stopped.push('middle')),
    })
    const edge = openProcess('front', { customer: [await listen(middle)] })
    const ofMiddle = edge.exchange.offer(hop('customer'), undefined).to('pricing')
    // The quickest of a few: a busy machine may be late with a timer, a deadline that is not kept is late every time.
    const times: number[] = []
    for (let n = 0; n < 4; n += 1) {
      stopped.length = 0
      const started = performance.now()
      const context = { ...currentContext(), deadline: started + 300 }
      const failure = await failureOf(runInContext(context, () => ofMiddle.weigh({})))
      times.push(performance.now() - started)
      expect(failure).toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 503 })
      // What ends a moment later is not of the next one.
      await expect.poll(() => stopped.toSorted()).toEqual(['last', 'middle'])
    }

    expect(Math.min(...times)).toBeLessThan(320)
  })

  it('only the process nearest to the edge repeats', async () => {
    let reached = 0
    const server = createServer((request) => {
      reached += 1
      request.socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    endings.push(() => server.close())
    const address = server.address()
    const middle = openProcess('middle', { user: [`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`] })
    const lent = middle.exchange.offer(hop('user'), undefined).to('customer')

    await failureOf(runInContext({ ...currentContext(), isRepeat: true }, () => lent.weigh({})))

    expect(reached).toBe(1)
  })
})
