import type { PricingTx } from '#platform/databases.ts'
import { contentHash } from './engine/content-hash.ts'
import type { TariffVersion as EngineVersion, Rule } from './engine/types.ts'
import { engineRule, engineVersion } from './engine-values.ts'
import type { RateTable } from './rate-schemas.ts'
import type { PricingRepository } from './repository.ts'
import type { TariffRow } from './tariff-repository.ts'
import type { VersionRow } from './version-repository.ts'

/** Everything in a version that can change a price, as it stands in the database. */
export interface VersionContent {
  tables: RateTable[]
  version: EngineVersion
  /** The rules attached to it. */
  rules: Rule[]
  /** The same content has the same hash, whenever it is read. */
  hash: string
}

export async function readContent(
  { rates, rules }: Pick<PricingRepository, 'rates' | 'rules'>,
  { currency }: Pick<TariffRow, 'currency'>,
  row: VersionRow,
  reader?: PricingTx,
): Promise<VersionContent> {
  const tables = await rates.ratesOf(row.id, currency, reader)
  const attached = (await rules.attachedTo(row.id, reader)).map(engineRule)
  const version = engineVersion(row, tables, [], currency)
  return { tables, version, rules: attached, hash: contentHash({ currency, version, rules: attached }) }
}
