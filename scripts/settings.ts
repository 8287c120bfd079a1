import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The settings that `npm start` made for its own servers, into the environment; what is there already comes first. */
export function loadSettings(): void {
  for (const file of ['.env', join(process.env.BULKHEAD_DATA_DIR ?? '.bulkhead', 'env')]) if (existsSync(file)) process.loadEnvFile(file)
}
