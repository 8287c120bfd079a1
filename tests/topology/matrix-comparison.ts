/** What the tests saw in a topology, with everything masked that may differ, and whether it was the same in all of them. */

export interface Recording {
  readonly topology: string
  readonly tests: readonly RecordedTest[]
  /** One text per event in the outboxes and per row of the audit trails, in no order. */
  readonly facts: readonly string[]
}

export interface RecordedTest {
  readonly id: string
  readonly result: 'passed' | 'failed' | 'skipped'
  /** What was asked and what was answered, one text each. */
  readonly exchanges: readonly string[]
}

export interface Difference {
  readonly kind: 'ids' | 'red' | 'skipped' | 'answers' | 'facts'
  readonly test?: string
  readonly text: string
}

/** Everything in which the topologies differ, and every red: nothing is the only right result. */
export function compareRecordings(recordings: readonly Recording[]): Difference[] {
  const [first, ...others] = recordings
  if (!first) return [{ kind: 'ids', text: 'no topology was recorded' }]
  const nothing: Difference[] = recordings
    .filter(({ tests }) => tests.length === 0)
    .map(({ topology }) => ({ kind: 'ids', text: `${topology} ran no test` }))
  const reds = recordings.flatMap(({ topology, tests }) =>
    tests
      .filter(({ result }) => result === 'failed')
      .map(({ id }): Difference => ({ kind: 'red', test: id, text: `failed in ${topology}` })),
  )
  return [...nothing, ...reds, ...recordings.flatMap(repeatedIds), ...others.flatMap((other) => between(first, other))]
}

function repeatedIds({ topology, tests }: Recording): Difference[] {
  const ids = tests.map(({ id }) => id)
  const repeated = new Set(ids.filter((id, index) => ids.indexOf(id) !== index))
  return [...repeated].map((id) => ({ kind: 'ids', test: id, text: `two tests of ${topology} have this id` }))
}

function between(one: Recording, other: Recording): Difference[] {
  const testsOfOther = new Map(other.tests.map((test) => [test.id, test]))
  const idsOfOne = new Set(one.tests.map(({ id }) => id))
  const onlyIn = (id: string, { topology }: Recording): Difference => ({ kind: 'ids', test: id, text: `only in ${topology}` })
  return [
    ...one.tests.flatMap((test) => {
      const same = testsOfOther.get(test.id)
      return same ? betweenTests(test, same, one.topology, other.topology) : [onlyIn(test.id, one)]
    }),
    ...other.tests.filter(({ id }) => !idsOfOne.has(id)).map(({ id }) => onlyIn(id, other)),
    ...betweenFacts(one, other),
  ]
}

function betweenTests(one: RecordedTest, other: RecordedTest, here: string, there: string): Difference[] {
  const test = one.id
  const skipped = [one.result, other.result].filter((result) => result === 'skipped')
  if (skipped.length === 1) return [{ kind: 'skipped', test, text: `skipped in ${one.result === 'skipped' ? here : there} only` }]
  const length = Math.max(one.exchanges.length, other.exchanges.length)
  for (let n = 0; n < length; n += 1) {
    const [mine = 'nothing', theirs = 'nothing'] = [one.exchanges[n], other.exchanges[n]]
    if (mine !== theirs)
      return [
        {
          kind: 'answers',
          test,
          text: `answer ${n + 1} differs\n  ${here}: ${aroundDifference(mine, theirs)}\n  ${there}: ${aroundDifference(theirs, mine)}`,
        },
      ]
  }
  return []
}

function betweenFacts(one: Recording, other: Recording): Difference[] {
  const left = counted(one.facts)
  for (const fact of other.facts) left.set(fact, (left.get(fact) ?? 0) - 1)
  return [...left]
    .filter(([, count]) => count !== 0)
    .map(([fact, count]) => ({
      kind: 'facts',
      text: `${Math.abs(count)} more in ${count > 0 ? one.topology : other.topology} than in ${count > 0 ? other.topology : one.topology}: ${fact}`,
    }))
}

function counted(facts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const fact of facts) counts.set(fact, (counts.get(fact) ?? 0) + 1)
  return counts
}

/** What was asked, and of a long answer the place where it differs. */
function aroundDifference(text: string, other: string): string {
  const asked = text.indexOf('\n')
  let place = 0
  while (place < text.length && text[place] === other[place]) place += 1
  const from = Math.max(asked, place - 120)
  const shown = `${from > 0 ? '…' : ''}${text.slice(Math.max(0, from), place + 200)}`
  return from > 0 && asked > 0 ? `${text.slice(0, asked)} ${shown}` : shown
}
