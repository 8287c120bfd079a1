import type { Verdict } from '../harness/ledger.ts'
import { type Figures, judgePromises } from '../harness/scenario.ts'
import type { Outcome } from '../harness/voyage.ts'

/** The promises of every scenario in which events are delivered. */
export const delivered = ({ lost, duplicates, inversions, phantoms }: Verdict): Record<string, boolean> => ({
  'no event is lost': lost === 0,
  'no event takes effect twice': duplicates === 0,
  'no event overtakes another of its subject': inversions === 0,
  'nothing takes effect that was not committed': phantoms === 0,
})

/** And of those in which no event is at fault. */
export const nothingWrong = (outcome: Outcome): Record<string, boolean> => ({
  ...delivered(outcome),
  'no process ends by itself': outcome.deaths === 0,
  'no error is logged': ![...outcome.log.values()].some(({ level }) => level === 'error'),
})

export function figuresOf(
  outcome: Outcome,
  faults: number,
  promises: Readonly<Record<string, boolean>>,
  more: Readonly<Record<string, number>> = {},
): Figures {
  const { committed, lost, duplicates, inversions, executions, seconds, log } = outcome
  const logged = [...log].map(([message, { count, error }]) => `log: ${count} × ${message} (${error})`)
  const { held, broken } = judgePromises(promises)
  return {
    events: committed,
    faults,
    lost,
    duplicates,
    inversions,
    executions,
    seconds,
    more,
    held,
    // What the processes said helps whoever looks for the cause.
    broken: broken.length > 0 ? [...broken, ...logged] : broken,
  }
}
