import { ConfigError, loadConfig } from '#platform/config.ts'

/** What is wrong with an environment; nothing where it is taken. */
export function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}
