import type { CarrierService } from '../carrier/index.ts'
import type { CustomerService } from '../customer/index.ts'

/** What pricing asks of its neighbours, and nothing more. */
export type Customers = Pick<CustomerService, 'getPricingProfile' | 'getCustomer' | 'getCustomersOfUser'>
export type Carriers = Pick<CarrierService, 'getCarrier' | 'getCarriers' | 'listServices'>
