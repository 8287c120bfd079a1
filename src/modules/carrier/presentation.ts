import type { Carrier, ShownCarrier } from './contract.ts'
import { effectiveStatus } from './insurance.ts'
import { type Reader, seesAll } from './readers.ts'
import type { StoredCarrier } from './repository.ts'

/** A carrier as it is at this moment: the state that counts, every member the contract names, nothing that is ours alone. */
export function carrierAt(row: StoredCarrier, now: number): Carrier {
  const { insuranceEndsAt: _endsAt, ownerVersion: _ownerVersion, servicesVersion: _servicesVersion, contact, ...rest } = row
  return {
    ...rest,
    status: effectiveStatus(row, now),
    contact: contact && { name: contact.name, email: contact.email ?? null, phone: contact.phone ?? null },
  }
}

/** The same for one reader: what they may not see is absent. */
export function shownTo(reader: Reader, row: StoredCarrier, now: number): ShownCarrier {
  const carrier = carrierAt(row, now)
  if (seesAll(reader, row)) return carrier
  const { id, code, scac, name, modes, countries, currency, timezone, status, version, createdAt, updatedAt } = carrier
  return { id, code, scac, name, modes, countries, currency, timezone, status, version, createdAt, updatedAt }
}
