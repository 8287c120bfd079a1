import type { Scenario } from './harness/scenario.ts'
import { rollingRestarts, undisturbed } from './scenarios/executions.ts'
import { failures } from './scenarios/failures.ts'
import { killerAlone, killerBehind, killerInBatch, killerParked } from './scenarios/killers.ts'
import { killedReplicas, kills } from './scenarios/kills.ts'
import { redisLost } from './scenarios/outages.ts'
import { rollbacks } from './scenarios/rollbacks.ts'
import { cutCommits, killedServers } from './scenarios/servers.ts'
import { terminations } from './scenarios/terminations.ts'
import { stoppedInMainLoop, stoppedInRetryLoop, zombies } from './scenarios/zombies.ts'

/** Every way to break the system that has figures. The short form of each group is a test file of the group's name. */
export const scenarioGroups = {
  kills: [rollbacks, kills, killedReplicas],
  zombies: [zombies, stoppedInMainLoop, stoppedInRetryLoop],
  restarts: [undisturbed, rollingRestarts, terminations],
  failures: [failures, killerInBatch, killerAlone, killerParked, killerBehind],
  servers: [killedServers, cutCommits, redisLost],
} as const satisfies Readonly<Record<string, readonly Scenario[]>>

/** All of them in the order in which they are shown. */
export const scenarios: readonly Scenario[] = Object.values(scenarioGroups).flat()
