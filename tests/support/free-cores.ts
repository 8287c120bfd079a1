import { availableParallelism, loadavg } from 'node:os'

/** Whether the machine has little else to do: only then what is late is the product's fault. */
export const hasFreeCores = (): boolean => (loadavg()[0] ?? 0) < availableParallelism()
