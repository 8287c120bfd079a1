import type { CarrierContract } from '../../src/modules/carrier/index.ts'
import type { CustomerContract } from '../../src/modules/customer/index.ts'
import type { UserContract } from '../../src/modules/user/index.ts'

/** What modules offer each other, as a neighbour gets it: user asked by customer, customer and carrier by pricing. */
export interface Contracts {
  user: Pick<UserContract, 'getUser' | 'getUsers' | 'getRoleTable'>
  customer: CustomerContract
  carrier: CarrierContract
}
