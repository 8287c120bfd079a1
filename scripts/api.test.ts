import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { createApi, patient } from './api.ts'

/** Answers with these codes one after the other, then with 201. */
let refusals: string[] = []
let asked: string[] = []
const server = createServer((request, answer) => {
  asked.push(`${request.method} ${request.headers.authorization}`)
  const code = refusals.shift()
  answer
    .writeHead(code === undefined ? 201 : 503)
    .end(JSON.stringify(code === undefined ? { id: 7 } : { status: 503, code, detail: 'Wait.' }))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const api = (patienceMs = 10_000) => patient(createApi(url), { patienceMs, everyMs: 1 }).as('ada')

afterAll(() => void server.close())
afterEach(() => {
  asked = []
  refusals = []
})

describe('a patient client', () => {
  it('sends a write again that a busy process refused before it did anything', async () => {
    refusals = ['OVERLOADED', 'NOT_READY', 'OVERLOADED']

    const { body } = await api().call<{ id: number }>('POST', '/v1/carriers', { body: {} })

    expect(body).toEqual({ id: 7 })
    expect(asked).toEqual(Array(4).fill('POST Bearer ada'))
  })

  it('repeats nothing that may have been done', async () => {
    refusals = ['DEPENDENCY_UNAVAILABLE']

    await expect(api().call('POST', '/v1/carriers')).rejects.toThrow('DEPENDENCY_UNAVAILABLE')

    expect(asked).toHaveLength(1)
  })

  it('gives up in the end, with what it was told', async () => {
    refusals = Array(1_000).fill('OVERLOADED')

    await expect(api(20).call('POST', '/v1/carriers')).rejects.toThrow('answered 503 OVERLOADED: Wait.')

    expect(asked.length).toBeGreaterThan(1)
  })
})
