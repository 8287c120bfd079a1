import { describe, expect, it } from 'vitest'
import { anySeed, createRandom } from './harness/random.ts'
import { nameOf, type Scenario } from './harness/scenario.ts'

/** Scenarios that mostly wait do so at the same time; those that need the processor take turns. */
type Course = 'in turn' | 'at once'

/** A test of each scenario in its short form, with another seed each time; a failure says how to make its choices again. */
export function shortForms(scenarios: readonly Scenario[], course: Course): void {
  describe('short forms of the fault scenarios', { concurrent: course === 'at once' }, () => {
    for (const scenario of scenarios)
      it(`${nameOf(scenario)}: ${scenario.claim}`, { timeout: 120_000 }, async () => {
        const seed = anySeed()
        const again = `npm run chaos -- --short --scenario '${nameOf(scenario)}' --seed ${seed}`

        const figures = await scenario
          .run(scenario.sizes.short, { form: 'short', random: createRandom(seed), progress: () => {} })
          .catch((cause: unknown) => {
            throw new Error(`${again}: ${cause instanceof Error ? cause.message : cause}`, { cause })
          })

        const { lost, duplicates, inversions, broken } = figures
        expect({ lost, duplicates, inversions, broken }, again).toEqual({ lost: 0, duplicates: 0, inversions: 0, broken: [] })
      })
  })
}
