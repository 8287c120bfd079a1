import { describe, expect, it } from 'vitest'
import { compareRecordings, type RecordedTest, type Recording } from './matrix-comparison.ts'
import { createMasks } from './matrix-masks.ts'
import { createRecorder } from './matrix-recorder.ts'

const test = (id: string, over: Partial<RecordedTest> = {}): RecordedTest => ({
  id,
  result: 'passed',
  exchanges: ['GET /v1/quotes/<id 1> as cora\n200\n{"total":"16.44"}'],
  ...over,
})
const recording = (topology: string, over: Partial<Recording> = {}): Recording => ({
  topology,
  tests: [test('quotes'), test('rights')],
  facts: ['{"event":"quote.created@1"}', '{"event":"quote.created@1"}'],
  ...over,
})
const found = (...recordings: Recording[]) => compareRecordings(recordings).map(({ kind, test, text }) => [kind, test, text.split('\n')[0]])

describe('TP-01: the gate', () => {
  it('lets topologies pass that saw the same, their events in any order', () => {
    const facts = ['{"event":"user.created@1"}', '{"event":"quote.created@1"}']

    expect(found(recording('local'), recording('split2'))).toEqual([])
    expect(found(recording('local', { facts }), recording('split2', { facts: facts.toReversed() }))).toEqual([])
  })

  it('refuses a test that is red anywhere, in the first topology or in a later one', () => {
    const red = recording('red', { tests: [test('quotes', { result: 'failed' }), test('rights')] })

    expect(found(red, recording('split2'))).toEqual([['red', 'quotes', 'failed in red']])
    expect(found(recording('local'), red)).toEqual([['red', 'quotes', 'failed in red']])
  })

  it('refuses a test that is missing in one topology, whichever it is', () => {
    const less = recording('less', { tests: [test('quotes')] })

    expect(found(less, recording('local'))).toEqual([['ids', 'rights', 'only in local']])
    expect(found(recording('local'), less)).toEqual([['ids', 'rights', 'only in local']])
  })

  it('refuses a test that is skipped in one topology only; one that is skipped everywhere is no difference', () => {
    const skipping = (topology: string) =>
      recording(topology, { tests: [test('quotes', { result: 'skipped', exchanges: [] }), test('rights')] })

    expect(found(skipping('local'), recording('split2'))).toEqual([['skipped', 'quotes', 'skipped in local only']])
    expect(found(recording('local'), skipping('split2'))).toEqual([['skipped', 'quotes', 'skipped in split2 only']])
    expect(found(skipping('local'), skipping('split2'))).toEqual([])
  })

  it.each([
    ['another status', 'GET /v1/quotes/<id 1> as cora\n404\n{"total":"16.44"}'],
    ['another body', 'GET /v1/quotes/<id 1> as cora\n200\n{"total":"16.45"}'],
    ['another id than before', 'GET /v1/quotes/<id 2> as cora\n200\n{"total":"16.44"}'],
  ])('refuses %s', (_, answer) => {
    const other = recording('split2', { tests: [test('quotes', { exchanges: [answer] }), test('rights')] })

    expect(found(recording('local'), other)).toEqual([['answers', 'quotes', 'answer 1 differs']])
  })

  it('refuses an answer more and one less', () => {
    const exchanges = [...test('quotes').exchanges, 'GET /v1/quotes as cora\n200']
    const more = recording('more', { tests: [test('quotes', { exchanges }), test('rights')] })

    expect(found(recording('local'), more)).toEqual([['answers', 'quotes', 'answer 2 differs']])
    expect(found(more, recording('local'))).toEqual([['answers', 'quotes', 'answer 2 differs']])
  })

  it.each([
    ['one event less', ['{"event":"quote.created@1"}'], ['1 more in local than in split2: {"event":"quote.created@1"}']],
    [
      'one event more',
      ['{"event":"quote.created@1"}', '{"event":"quote.created@1"}', '{"event":"quote.created@1"}'],
      ['1 more in split2 than in local: {"event":"quote.created@1"}'],
    ],
    [
      'another content',
      ['{"event":"quote.created@1"}', '{"event":"quote.created@2"}'],
      ['1 more in local than in split2: {"event":"quote.created@1"}', '1 more in split2 than in local: {"event":"quote.created@2"}'],
    ],
  ])('refuses %s', (_, facts, texts) => {
    expect(found(recording('local'), recording('split2', { facts }))).toEqual(texts.map((text) => ['facts', undefined, text]))
  })

  it('compares every topology with the first, not only the second', () => {
    const other = recording('units', { tests: [test('quotes')] })

    expect(found(recording('local'), recording('split2'), other)).toEqual([['ids', 'rights', 'only in local']])
  })

  it('is no gate for nothing: no topology, no test, or two tests of one id are refused', () => {
    const twice = { tests: [test('quotes'), test('quotes')] }

    expect(found()).toEqual([['ids', undefined, 'no topology was recorded']])
    expect(found(recording('local', { tests: [] }), recording('split2', { tests: [] }))).toEqual([
      ['ids', undefined, 'local ran no test'],
      ['ids', undefined, 'split2 ran no test'],
    ])
    expect(found(recording('local', twice))).toEqual([['ids', 'quotes', 'two tests of local have this id']])
  })
})

describe('a mask', () => {
  it('numbers ids as they appear, wherever they stand, and keeps equal ones equal', () => {
    const { json, text } = createMasks()

    expect(json({ id: 21_000_001, userId: 41_000_007, subject: 'user/41000007' })).toEqual({
      id: 'number <id 1>',
      userId: 'number <id 2>',
      subject: 'user/<id 2>',
    })
    expect(text('There is no customer 21000001. C-21000001 is another.')).toBe('There is no customer <id 1>. C-<id 1> is another.')
  })

  it('hides instants, days, tokens and hashes, but not that there are some', () => {
    const { text } = createMasks()
    const hash = 'a1'.repeat(32)

    expect(text('2026-03-29T02:30:00.123Z')).toBe('<instant>')
    expect(text('2026-03-29')).toBe('<day>')
    expect(text('eyJh.eyJi.c-_9 bhr_AAA-_x')).toBe('<token> <token>')
    expect(text(`${hash} ${hash} ${'b2'.repeat(32)}`)).toBe('<hash 1> <hash 1> <hash 2>')
    expect(text('01890a5d-ac96-774b-bcce-b302099a8057')).toBe('<uuid 1>')
    expect(text('GET /v1/users?cursor=WyJjY0ZQ_-&limit=1 login/f991f5cc21b02b29')).toBe(
      'GET /v1/users?cursor=<cursor>&limit=1 login/<hash 3>',
    )
  })

  it('leaves what is no id as it is: amounts, small numbers, a number that has become text, null', () => {
    const { json } = createMasks()
    const amounts = { total: '16.44', raw: '1.82533333', count: 3, share: 0.5, none: null, yes: true }

    expect(json(amounts)).toEqual(amounts)
    expect(json(21_000_001)).not.toEqual(json('21000001'))
    expect(json('2026-03-29T02:30:00.123Z')).not.toEqual(json('2026-03-29'))
    expect(json({ nextCursor: null })).not.toEqual(json({ nextCursor: 'eyJ' }))
  })
})

describe('a recorder', () => {
  const reply = (status: number, body: object) => ({ status, headers: { etag: '"v3"', date: 'now' }, text: JSON.stringify(body) })

  it('keeps status, telling headers and body of every answer with the test that saw it', () => {
    const recorder = createRecorder(createMasks())
    recorder.begin('one')
    recorder.note({ asked: 'GET /v1/users/21000001 as admin', reply: reply(200, { id: 21_000_001 }) })
    recorder.begin('two')
    recorder.note({ asked: 'GET /v1/users/21000001 as admin', reply: reply(404, {}) })

    expect(
      recorder.tests([
        { id: 'one', result: 'passed' },
        { id: 'two', result: 'failed' },
        { id: 'three', result: 'skipped' },
      ]),
    ).toEqual([
      { id: 'one', result: 'passed', exchanges: ['GET /v1/users/<id 1> as admin\n200\netag: "v3"\n{"id":"number <id 1>"}'] },
      { id: 'two', result: 'failed', exchanges: ['GET /v1/users/<id 1> as admin\n404\netag: "v3"\n{}'] },
      { id: 'three', result: 'skipped', exchanges: [] },
    ])
  })
})
