import type { Log } from '#platform/logging.ts'
import type { LoginRepository } from './login-repository.ts'

export interface FailureSweepNeeds {
  repository: Pick<LoginRepository, 'purgeFailures'>
  log: Pick<Log, 'warn'>
  everyMs?: number
}

/** Strangers add a row for every address they try: old ones are forgotten. Several processes may do it at once. */
export function createFailureSweep({ repository, log, everyMs = 600_000 }: FailureSweepNeeds) {
  let timer: NodeJS.Timeout | undefined

  async function sweep(): Promise<void> {
    try {
      while (await repository.purgeFailures());
    } catch (error) {
      log.warn({ error }, 'old failures of log-ins could not be forgotten, next time')
    }
  }

  return {
    start(): void {
      clearInterval(timer)
      // Errors are logged inside: nothing waits for a sweep.
      timer = setInterval(() => void sweep(), everyMs).unref()
    },
    stop: (): void => clearInterval(timer),
  }
}
