import type { CarrierContract } from '../carrier/index.ts'
import type { CustomerContract } from '../customer/index.ts'

/** What pricing asks of its neighbours, and nothing more. */
export type Customers = Pick<CustomerContract, 'getPricingProfile' | 'getCustomer' | 'getCustomersOfUser'>
export type Carriers = Pick<CarrierContract, 'getCarrier' | 'getCarriers' | 'listServices'>
