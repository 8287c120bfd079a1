import type { Measurements } from './results.ts'
export function reliabilityPage(_measurements: Measurements): string {
  return ''
}
