import Type from 'typebox'
import { describe, expect, it } from 'vitest'
import { memoryLog } from '#support/http.ts'
import { type ContractOf, command, defineContract, lookup, Nothing, offer, query, type Transport } from './contracts.ts'
import { createExchange } from './exchange.ts'
import { createMetrics } from './metrics.ts'

const closed = { additionalProperties: false } as const
const Parcel = Type.Object({ id: Type.Integer(), note: Type.String() }, closed)
const parcels = defineContract('user', 1, {
  getParcel: lookup({ input: Type.Object({ id: Type.Integer() }, closed), output: Parcel }),
  weigh: query({ input: Type.Object({ sentAt: Type.String() }, closed), output: Type.Object({ grams: Type.Integer() }, closed) }),
  label: command({ input: Parcel, output: Nothing }),
})
type Parcels = ContractOf<typeof parcels>

const honest: Parcels = {
  getParcel: async ({ id }) => ({ id, note: 'fragile' }),
  weigh: async () => ({ grams: 1 }),
  label: async () => ({}),
}
/** What the compiler would not let pass, as a cast somewhere, or a library without types, gets it past the compiler. */
const smuggled = <T = never>(value: unknown): T => value as T

interface Lie {
  /** What the module says, where that is not the truth. */
  told?: () => Partial<Parcels>
  /** What a neighbour does that has believed it: settles well as long as nobody notices. */
  believed(parcels: Parcels): Promise<unknown>
  /** What loopback says instead. */
  found: string | RegExp
}

class Note {
  readonly id = 1
  get note(): string {
    return 'fragile'
  }
}

class Crate {
  readonly id = 1
  readonly note = 'fragile'
  weight(): number {
    return this.id
  }
}

const outputInvalid = /does not fit its contract/

const lies: Record<string, Lie> = {
  'a Date in an answer': {
    told: () => ({ getParcel: async ({ id }) => ({ id, note: smuggled(new Date()) }) }),
    believed: async ({ getParcel }) => new Date((await getParcel({ id: 1 }))?.note ?? '').getTime(),
    found: outputInvalid,
  },
  'a Date in a question': {
    told: () => ({ weigh: async ({ sentAt }) => ({ grams: smuggled<Date>(sentAt).getDate() }) }),
    believed: ({ weigh }) => weigh({ sentAt: smuggled(new Date()) }),
    found: /failed with TypeError/,
  },
  'an instance of a class, whose members are computed': {
    told: () => ({ getParcel: async () => new Note() }),
    believed: async ({ getParcel }) => (await getParcel({ id: 1 }))?.note.length,
    found: outputInvalid,
  },
  'an instance of a class, whose methods are called': {
    told: () => ({ getParcel: async () => new Crate() }),
    believed: async ({ getParcel }) => smuggled<Crate>(await getParcel({ id: 1 })).weight(),
    found: /weight is not a function/,
  },
  'a BigInt in an answer': {
    told: () => ({ weigh: async () => ({ grams: smuggled(5n) }) }),
    believed: async ({ weigh }) => (await weigh({ sentAt: 'today' })).grams,
    found: outputInvalid,
  },
  'a BigInt in a question': {
    believed: ({ getParcel }) => getParcel({ id: smuggled(5n) }),
    found: /BigInt/,
  },
  'a missing await': {
    told: () => ({ weigh: async () => ({ grams: smuggled(Promise.resolve(5)) }) }),
    believed: async ({ weigh }) => (await (await weigh({ sentAt: 'today' })).grams).toFixed(),
    found: outputInvalid,
  },
  'an argument that is changed': {
    told: () => ({
      label: async (parcel) => {
        parcel.note = 'labelled'
        return {}
      },
    }),
    async believed({ label }) {
      const parcel = { id: 1, note: 'fragile' }
      await label(parcel)
      if (parcel.note !== 'labelled') throw new Error('the change was not seen')
    },
    found: 'the change was not seen',
  },
  'an answer that is the module’s own object': {
    told: () => {
      const parcel = { id: 1, note: 'fragile' }
      return { getParcel: async () => parcel }
    },
    async believed({ getParcel }) {
      const mine = await getParcel({ id: 1 })
      if (mine) mine.note = 'changed by a neighbour'
      if ((await getParcel({ id: 1 }))?.note !== 'changed by a neighbour') throw new Error('the change was not seen')
    },
    found: 'the change was not seen',
  },
  'an error that is no error of the registry': {
    told: () => ({
      weigh: async () => {
        throw new RangeError('too heavy')
      },
    }),
    believed: ({ weigh }) =>
      weigh({ sentAt: 'today' }).catch((error: unknown) => {
        if (!(error instanceof RangeError)) throw error
      }),
    found: /failed with RangeError, which is no error of the registry/,
  },
  'nothing where there must be an answer': {
    told: () => ({ weigh: async () => smuggled(undefined) }),
    believed: async ({ weigh }) => (await weigh({ sentAt: 'today' }))?.grams,
    found: /it is undefined, and the operation is no lookup/,
  },
  'a number that JSON does not know': {
    told: () => ({ weigh: async () => ({ grams: Number.NaN }) }),
    believed: async ({ weigh }) => (await weigh({ sentAt: 'today' })).grams,
    found: outputInvalid,
  },
}

const lentBy = (transport: Transport, told: Partial<Parcels> = {}): Parcels => offer(parcels, { ...honest, ...told }, { transport })

describe('TP-04: between functions', () => {
  it.each(Object.entries(lies))('%s goes unnoticed, and is found out on loopback', async (_, { told, believed, found }) => {
    await believed(lentBy('local', told?.()))

    await expect(believed(lentBy('loopback', told?.()))).rejects.toThrow(found)
  })

  it('the truth is told on both', async () => {
    for (const transport of ['local', 'loopback'] as const) {
      const lent = lentBy(transport, { getParcel: async ({ id }) => (id === 1 ? { id, note: 'fragile' } : undefined) })

      expect([await lent.getParcel({ id: 1 }), await lent.getParcel({ id: 2 }), await lent.weigh({ sentAt: 'today' })]).toEqual([
        { id: 1, note: 'fragile' },
        undefined,
        { grams: 1 },
      ])
    }
  })

  it('a process that is told to use loopback lends everything by it', async () => {
    const lentIn = (transport: Transport): Parcels =>
      createExchange({
        config: { transport, modules: ['user', 'customer'], peers: {} },
        metrics: createMetrics({ process: false }),
        log: memoryLog(),
      })
        .offer(parcels, { ...honest, ...lies['a BigInt in an answer']?.told?.() })
        .to('customer')

    expect(await lentIn('local').weigh({ sentAt: 'today' })).toEqual({ grams: 5n })
    await expect(lentIn('loopback').weigh({ sentAt: 'today' })).rejects.toMatchObject({ code: 'CONTRACT_OUTPUT_INVALID', status: 500 })
  })
})
