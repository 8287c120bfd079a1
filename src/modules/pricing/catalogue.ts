import type { Tariff as EngineTariff, Rule } from './engine/types.ts'
import { engineRule, engineTariff, engineVersion } from './engine-values.ts'
import type { RateTable } from './rate-schemas.ts'
import type { PricingRepository } from './repository.ts'

/**
 * What quotes are priced with: the published versions of all tariffs and the enabled rules, as the engine reads them. The list
 * lives at most a second in memory, so that a publication is in force everywhere within a second; the rate tables of a
 * published version never change and are read once.
 */
export interface Catalogue {
  tariffs: EngineTariff[]
  rules: Rule[]
  /** The database's clock, by which publications are dated: a quote asked for after one is priced after it. */
  now(): string
}

const listLifetimeMs = 1_000

interface CatalogueNeeds {
  tariffs: Pick<PricingRepository['tariffs'], 'all'>
  versions: Pick<PricingRepository['versions'], 'published' | 'now'>
  rates: Pick<PricingRepository['rates'], 'ratesOfMany'>
  rules: Pick<PricingRepository['rules'], 'enabled'>
}

export function createCatalogue(
  { tariffs, versions, rates, rules }: CatalogueNeeds,
  clock: () => number = () => performance.now(),
): { load(): Promise<Catalogue>; forget(): void } {
  let current: { at: number; catalogue: Promise<Catalogue> } | undefined
  /** By version. What is in no list any more is forgotten with it. */
  let tablesOf: ReadonlyMap<number, RateTable[]> = new Map()

  async function read(): Promise<Catalogue> {
    // First the versions: a rule attached to one, and its tariff, were there before it was published. The time comes after
    // them, so whatever the list holds was published by then.
    const published = await versions.published('all')
    const [rows, enabled, databaseTime] = await Promise.all([tariffs.all(), rules.enabled(), versions.now()])
    const readAt = clock()
    const currencies = new Map(rows.map((row) => [row.id, row.currency]))
    const currencyOf = new Map(published.map(({ version }) => [version.id, currencies.get(version.tariffId) ?? 'USD']))
    const known = tablesOf
    const unread = published.map(({ version }) => version.id).filter((id) => !known.has(id))
    const loaded = await rates.ratesOfMany(unread, (id) => currencyOf.get(id) ?? 'USD')
    const tables = new Map(published.map(({ version: { id } }) => [id, known.get(id) ?? loaded.get(id) ?? []]))
    tablesOf = tables

    const byTariff = Map.groupBy(published, ({ version }) => version.tariffId)
    return {
      tariffs: rows.flatMap((row) => {
        const own = byTariff.get(row.id)
        if (!own) return []
        const priced = own.map(({ version, closings }) => engineVersion(version, tables.get(version.id) ?? [], closings, row.currency))
        return [engineTariff(row, priced)]
      }),
      rules: enabled.map(engineRule),
      now: () => new Date(Date.parse(databaseTime) + Math.floor(clock() - readAt)).toISOString(),
    }
  }

  return {
    /** One read serves everybody who asks meanwhile; it counts from its start. */
    load() {
      const now = clock()
      if (current && now - current.at < listLifetimeMs) return current.catalogue
      const catalogue = read()
      const entry = { at: now, catalogue }
      current = entry
      catalogue.catch(() => {
        if (current === entry) current = undefined
      })
      return catalogue
    },
    /** After a change made by this process: its next quote sees it. */
    forget() {
      current = undefined
    },
  }
}
