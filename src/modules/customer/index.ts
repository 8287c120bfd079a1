/**
 * customer: who buys.
 *
 * owns       customers and their outside numbers (customer_service_db)
 * offers     getCustomer, getCustomers, getCustomerByUser, getCustomersOfUser, getPricingProfile
 * publishes  customer.created, customer.updated, customer.status_changed
 * hears      user.created → a pending profile for customers; user.suspended, user.deactivated, user.reactivated → portalUserActive
 */
export { type CustomerContract, type CustomerEvents, customerContract, customerEvents } from './contract.ts'
export { type CustomerNeeds, createCustomer } from './module.ts'
