import type { CarrierTx } from '#platform/databases.ts'
import type { CarrierRecords } from './records.ts'
import type { CarrierRepository } from './repository.ts'

export interface CarrierOwners {
  /** Keeps, at every carrier of a user, whether that user may log in. */
  followOwner(tx: CarrierTx, owner: { userId: number; version: number; active: boolean }): Promise<void>
}

interface OwnerNeeds {
  carriers: Pick<CarrierRepository, 'lockByOwner' | 'noteOwnerVersion'>
  records: Pick<CarrierRecords, 'update'>
}

/** How carriers follow their owners: one event's effect, in the transaction that handles it. */
export function createCarrierOwners({ carriers, records }: OwnerNeeds): CarrierOwners {
  return {
    async followOwner(tx, { userId, version, active }) {
      for (const carrier of await carriers.lockByOwner(tx, userId)) {
        // An event older than what is known.
        if (version <= carrier.ownerVersion) continue
        if (carrier.ownerActive === active) await carriers.noteOwnerVersion(tx, carrier.id, version)
        else await records.update(tx, carrier, { ownerActive: active, ownerVersion: version }, ['ownerActive'])
      }
    },
  }
}
