import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Who hears what, asked of the subscriptions themselves: the names of consumers by `type@version`. */
export type Hearing = ReadonlyMap<string, readonly string[]>

export async function hearingOf(modules: readonly string[]): Promise<Hearing> {
  const subscriptions = (await Promise.all(modules.map(subscriptionsOf))).flat()
  const pairs = subscriptions.flatMap(({ consumer, keys }) => keys.map((key) => ({ key, consumer })))
  return new Map(
    [...Map.groupBy(pairs, ({ key }) => key)].map(([key, heard]) => [key, heard.map(({ consumer }) => consumer).sort()] as const),
  )
}

interface Named {
  consumer: string
  keys: readonly string[]
}

/** A subscription is data: its functions are made here, out of no needs at all, and never run. */
async function subscriptionsOf(module: string): Promise<Named[]> {
  const file = new URL(`../../src/modules/${module}/subscriptions.ts`, import.meta.url)
  if (!existsSync(fileURLToPath(file))) return []
  const exported: object = await import(file.href)
  const made: unknown[] = Object.values(exported).map((value) => (typeof value === 'function' ? value({}) : undefined))
  return made.flatMap((value): unknown[] => (Array.isArray(value) ? value : [])).filter(isNamed)
}

const isNamed = (value: unknown): value is Named =>
  typeof value === 'object' && value !== null && 'consumer' in value && 'keys' in value && Array.isArray(value.keys)
