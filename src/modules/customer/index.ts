/**
 * customer: who buys.
 *
 * owns       customers and their outside numbers (customer_service_db)
 * offers     getCustomer, getCustomers, getCustomerByUser, getCustomersOfUser, getPricingProfile
 * publishes  customer.created, customer.updated, customer.status_changed
 * hears      user.created → a pending profile for customers; user.suspended, user.deactivated, user.reactivated → portalUserActive
 */
export {
  type Customer,
  type CustomerContract,
  type CustomerContract as CustomerService,
  type CustomerEvents,
  type CustomerStatus,
  customerContract,
  customerEvents,
  type PricingProfile,
} from './contract.ts'
export { type CustomerNeeds, createCustomer } from './module.ts'
