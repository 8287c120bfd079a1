/**
 * carrier: who carries.
 *
 * owns       carriers, their services and outside numbers (carrier_service_db)
 * offers     getCarrier, getCarriers, listServices
 * publishes  carrier.created, carrier.updated, carrier.status_changed, carrier.owner_transferred, carrier.service_changed
 * hears      user.suspended, user.deactivated, user.reactivated → ownerActive
 */
export { type CarrierContract, type CarrierEvents, carrierContract, carrierEvents } from './contract.ts'
export { type CarrierNeeds, createCarrier } from './module.ts'
