import { isRefusal } from './refusal.ts'
import type { LintFinding } from './types.ts'

export type Report = (finding: LintFinding) => void

/** Runs a check, under a path into the version. */
export type Attempt = (path: string, check: () => void) => void

/** A refusal of the engine becomes a finding; any other error is one of the program. */
export function reportRefusal(report: Report, path: string, check: () => void) {
  try {
    check()
  } catch (error) {
    if (!isRefusal(error)) throw error
    const at = `${path}${error.path ?? ''}`
    report({ severity: 'error', code: error.code, path: at, message: `${error.code} at ${at === '' ? 'the version' : at}.` })
  }
}
