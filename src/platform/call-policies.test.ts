import { describe, expect, it } from 'vitest'
import { createGuard, createRepeats } from './call-policies.ts'

const signal = new AbortController().signal
const lost = new Error('the line is dead')
const isPeerFailure = (error: unknown): boolean => error === lost

/** As a peer of one address puts them together. */
function make() {
  const repeats = createRepeats({ isPeerFailure })
  const guard = createGuard({ target: 'customer', isPeerFailure })
  return {
    run: <R>(attempt: (number: number) => Promise<R>, { repeatable }: { repeatable: boolean }): Promise<R> =>
      repeats.run((number) => guard.run(() => attempt(number), signal), { repeatable, signal }),
    get isOpen() {
      return guard.isOpen
    },
  }
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'answered',
    (error: unknown) => (error === lost ? 'lost' : typeof error === 'object' && error !== null && 'code' in error ? error.code : error),
  )
}

describe('calls of a peer', () => {
  it('TP-11: half of the last calls lost opens the breaker; from then on callers are refused at once', async () => {
    const policies = make()
    for (let n = 0; n < 10; n += 1) {
      await codeOf(policies.run(async () => (n % 2 ? Promise.reject(lost) : 'fine'), { repeatable: false }))
    }
    let reached = 0

    const refused = await codeOf(
      policies.run(
        async () => {
          reached += 1
        },
        { repeatable: false },
      ),
    )

    expect(policies.isOpen).toBe(true)
    expect({ refused, reached }).toEqual({ refused: 'DEPENDENCY_UNAVAILABLE', reached: 0 })
  })

  it('fewer than ten calls open nothing', async () => {
    const policies = make()

    for (let n = 0; n < 9; n += 1) await codeOf(policies.run(() => Promise.reject(lost), { repeatable: false }))

    expect(policies.isOpen).toBe(false)
  })

  it('an error that the peer declares is an answer: neither repeated nor counted', async () => {
    const policies = make()
    let calls = 0
    const declared = async (): Promise<never> => {
      calls += 1
      throw new Error('CUSTOMER_NOT_FOUND')
    }

    for (let n = 0; n < 30; n += 1) await codeOf(policies.run(declared, { repeatable: true }))

    expect({ calls, isOpen: policies.isOpen }).toEqual({ calls: 30, isOpen: false })
  })

  it('what is not repeatable is sent once', async () => {
    const policies = make()
    let calls = 0

    const outcome = await codeOf(
      policies.run(
        async () => {
          calls += 1
          throw lost
        },
        { repeatable: false },
      ),
    )

    expect({ outcome, calls }).toEqual({ outcome: 'lost', calls: 1 })
  })

  it('TP-11: repeats are at most a tenth of the calls and the one in hand', async () => {
    const policies = make()
    let sent = 0
    // Every third is lost: too few for the breaker.
    const flaky = async (): Promise<void> => {
      sent += 1
      if (sent % 3 === 0) throw lost
    }

    for (let n = 0; n < 100; n += 1) await codeOf(policies.run(flaky, { repeatable: true }))

    expect(sent).toBeGreaterThan(105)
    expect(sent).toBeLessThanOrEqual(111)
  })

  it('says which attempt it is', async () => {
    const policies = make()
    const numbers: number[] = []

    await policies.run(
      async (number) => {
        numbers.push(number)
        if (number === 1) throw lost
      },
      { repeatable: true },
    )

    expect(numbers).toEqual([1, 2])
  })

  it('64 at work and 64 waiting are the most; the next is refused', async () => {
    const policies = make()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const all = Array.from({ length: 128 }, () => policies.run(() => held, { repeatable: false }))

    const refused = await codeOf(policies.run(() => held, { repeatable: false }))

    release()
    await Promise.all(all)
    expect(refused).toBe('OVERLOADED')
  })

  it('TP-11: after a second one probe is let through and the others do not wait for it', async () => {
    const policies = make()
    for (let n = 0; n < 10; n += 1) await codeOf(policies.run(() => Promise.reject(lost), { repeatable: false }))
    let answer = (): void => {}
    const slow = new Promise<void>((resolve) => {
      answer = resolve
    })
    let probes = 0
    const probe = (): Promise<void> => {
      probes += 1
      return slow
    }

    const knock = (): number => {
      // Refused until its second is over, then held by the probe.
      policies.run(probe, { repeatable: false }).catch(() => {})
      return probes
    }
    await expect.poll(knock, { timeout: 3_000 }).toBe(1)
    const meanwhile = await codeOf(policies.run(probe, { repeatable: false }))
    answer()
    await expect.poll(() => policies.isOpen).toBe(false)

    expect({ meanwhile, probes }).toEqual({ meanwhile: 'DEPENDENCY_UNAVAILABLE', probes: 1 })
  })
})
