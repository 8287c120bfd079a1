/** Something a person can mend: what happened, why, and the one line that mends it. Shown without a stack. */
export class Failure extends Error {
  readonly why: string
  readonly mend: string
  constructor({ what, why, mend }: { what: string; why: string; mend: string }) {
    super(what)
    this.name = 'Failure'
    this.why = why
    this.mend = mend
  }
}

export function describeFailure(failure: Failure): string {
  return `${failure.message}\n  why:  ${failure.why}\n  mend: ${failure.mend}\n`
}
