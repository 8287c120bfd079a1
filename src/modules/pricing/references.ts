import type { PricingTx } from '#platform/databases.ts'
import {
  CarrierReferenceNotFound,
  CustomerReferenceNotFound,
  engineErrors,
  PricingRuleNotFound,
  TariffNotFound,
  TariffVersionNotFound,
} from './errors.ts'
import type { Carriers, Customers } from './neighbours.ts'
import { unknownReference } from './refusals.ts'
import type { PricingRepository } from './repository.ts'
import type { RuleRow } from './rule-repository.ts'
import type { TariffRow } from './tariff-repository.ts'
import type { VersionRow } from './version-repository.ts'

/** What a request refers to, or the answer that it is not there: in the path 404, in the body 422 with its place. */

/** A version is addressed by its number inside the tariff. */
export interface VersionAddress {
  tariffId: number
  number: number
}

export async function requireTariff({ tariffs }: Pick<PricingRepository, 'tariffs'>, id: number, reader?: PricingTx): Promise<TariffRow> {
  const tariff = await tariffs.find(id, reader)
  if (!tariff) throw TariffNotFound({ id })
  return tariff
}

export async function requireLockedTariff({ tariffs }: Pick<PricingRepository, 'tariffs'>, tx: PricingTx, id: number): Promise<TariffRow> {
  const tariff = await tariffs.lock(tx, id)
  if (!tariff) throw TariffNotFound({ id })
  return tariff
}

export async function requireVersion(
  { versions }: Pick<PricingRepository, 'versions'>,
  { tariffId, number }: VersionAddress,
  reader?: PricingTx,
): Promise<VersionRow> {
  const row = await versions.find(tariffId, number, reader)
  if (!row) throw TariffVersionNotFound({ tariffId, number })
  return row
}

export async function requireRule({ rules }: Pick<PricingRepository, 'rules'>, id: number, reader?: PricingTx): Promise<RuleRow> {
  const rule = await rules.find(id, reader)
  if (!rule) throw PricingRuleNotFound({ id })
  return rule
}

export async function requireCarrier(carriers: Pick<Carriers, 'getCarrier'>, id: number): Promise<{ code: string }> {
  const carrier = await carriers.getCarrier({ id })
  if (!carrier) throw unknownReference(CarrierReferenceNotFound, '/carrierId', id)
  return carrier
}

export async function requireCustomer(customers: Pick<Customers, 'getCustomer'>, id: number): Promise<void> {
  if (!(await customers.getCustomer({ id }))) throw unknownReference(CustomerReferenceNotFound, '/customerId', id)
}

export async function serviceCodesOf(carriers: Pick<Carriers, 'listServices'>, carrierId: number): Promise<string[]> {
  const services = await carriers.listServices({ carrierIds: [carrierId] })
  return services.map((service) => service.code)
}

export async function requireServices(
  carriers: Pick<Carriers, 'listServices'>,
  carrierId: number,
  codes: readonly string[],
): Promise<void> {
  if (codes.length === 0) return
  const known = await serviceCodesOf(carriers, carrierId)
  const { UNKNOWN_SERVICE } = engineErrors
  const faults = codes.flatMap((code, index) =>
    known.includes(code)
      ? []
      : [
          {
            in: 'body' as const,
            path: `/serviceCodes/${index}`,
            code: UNKNOWN_SERVICE.code,
            message: 'is no service of the carrier',
            value: code,
          },
        ],
  )
  if (faults.length > 0) throw UNKNOWN_SERVICE({}, { faults: faults.slice(0, 50) })
}
