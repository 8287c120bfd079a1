import { mainJob } from './main-job.ts'
import type { Stage } from './stage.ts'

/** What the system does, whatever processes it consists of: told over HTTP, contracts and events alone, in this order. */
export const stories: Readonly<Record<string, (stage: Stage) => void>> = {
  'the main job': mainJob,
}
