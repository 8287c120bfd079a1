import { carriers } from './carriers.ts'
import { contracts } from './contracts.ts'
import { customers } from './customers.ts'
import { mainJob } from './main-job.ts'
import { operations } from './operations.ts'
import { prices } from './prices.ts'
import { quotes } from './quotes.ts'
import { rights } from './rights.ts'
import { sessions } from './sessions.ts'
import type { Stage } from './stage.ts'
import { surface } from './surface.ts'
import { travelling } from './travelling.ts'

/** What the system does, whatever processes it consists of: told over HTTP, contracts and events alone, in this order. */
export const stories: Readonly<Record<string, (stage: Stage) => void>> = {
  'the main job': mainJob,
  sessions,
  rights,
  customers,
  carriers,
  contracts,
  prices,
  quotes,
  'what travels': travelling,
  operations,
  'the surface': surface,
}
