import { describe, expect, it } from 'vitest'
import { type Change, createLedger, judge } from './ledger.ts'

const changes = new Map<string, Change>([
  ['a1', { ship: 1, step: 1 }],
  ['a2', { ship: 1, step: 2 }],
  ['a3', { ship: 1, step: 3 }],
  ['b1', { ship: 2, step: 1 }],
  ['b2', { ship: 2, step: 2 }],
])
const all = ['a1', 'b1', 'a2', 'b2', 'a3']
const right = { committed: 5, lost: 0, duplicates: 0, inversions: 0, phantoms: 0 }

describe('the judgement of a run', () => {
  it('has nothing against effects once each and in order, however subjects lie among each other', () => {
    expect(judge(changes, { changes, effects: all })).toEqual(right)
  })

  it('finds a lost event', () => {
    expect(judge(changes, { changes, effects: all.filter((mark) => mark !== 'a2') })).toEqual({ ...right, lost: 1 })
  })

  it('finds an acknowledged change that the database does not have', () => {
    const found = new Map([...changes].filter(([mark]) => mark !== 'b2'))

    expect(judge(changes, { changes: found, effects: all })).toEqual({ ...right, lost: 1 })
  })

  it('wants the effect of a change that was committed without anybody hearing of it', () => {
    const acknowledged = new Map([...changes].filter(([mark]) => mark !== 'a3'))

    expect(judge(acknowledged, { changes, effects: all })).toEqual(right)
    expect(judge(acknowledged, { changes, effects: all.filter((mark) => mark !== 'a3') })).toEqual({ ...right, lost: 1 })
  })

  it('finds a second effect', () => {
    expect(judge(changes, { changes, effects: [...all, 'b1'] })).toEqual({ ...right, duplicates: 1 })
  })

  it('finds an effect after that of a later change of the subject', () => {
    expect(judge(changes, { changes, effects: ['a2', 'b1', 'a1', 'b2', 'a3'] })).toEqual({ ...right, inversions: 1 })
  })

  it('finds an effect of what was never committed', () => {
    expect(judge(changes, { changes, effects: [...all, 'c1'] })).toEqual({ ...right, phantoms: 1 })
  })

  it('does not miss what is known to wait, and only that', () => {
    const effects = ['a1', 'b1', 'b2']

    expect(judge(changes, { changes, effects }, new Set(['a2', 'a3']))).toEqual(right)
    expect(judge(changes, { changes, effects }, new Set(['a2']))).toEqual({ ...right, lost: 1 })
  })
})

describe('the ledger', () => {
  it('keeps what was acknowledged and counts runs of handlers', () => {
    const ledger = createLedger()

    ledger.note({ kind: 'acknowledged', mark: 'a1', ship: 1, step: 1, at: 0 })
    ledger.note({ kind: 'undone', mark: 'a2' })
    ledger.note({ kind: 'unknown', mark: 'a3' })
    for (const mark of ['a1', 'a1', 'a3']) ledger.note({ kind: 'executed', mark })

    expect([...ledger.acknowledged]).toEqual([['a1', { ship: 1, step: 1 }]])
    expect([...ledger.undone]).toEqual(['a2'])
    expect(ledger).toMatchObject({ attempted: 3, executions: 3, executed: 2 })
  })
})
