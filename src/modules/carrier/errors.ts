import { defineError, defineReferenceError } from '#platform/errors.ts'

export const CarrierNotFound = defineError<{ id: number }>({
  code: 'CARRIER_NOT_FOUND',
  status: 404,
  sentence: 'There is no such carrier, or it is not yours to see.',
  remedy:
    'Check the id. Who may only browse sees active carriers; changes need the carrier to be your own or a permission with the scope "any".',
})
export const CarrierServiceNotFound = defineError<{ code: string }>({
  code: 'CARRIER_SERVICE_NOT_FOUND',
  status: 404,
  sentence: 'The carrier has no such service, or it is not yours to see. List its services to find the code.',
})
export const CarrierCodeTaken = defineError<{ code: string }>({
  code: 'CARRIER_CODE_TAKEN',
  status: 409,
  sentence: 'There is a carrier with the code {code} already, perhaps a retired one. Choose another code.',
})
export const CarrierServiceCodeTaken = defineError<{ code: string }>({
  code: 'CARRIER_SERVICE_CODE_TAKEN',
  status: 409,
  sentence: 'The carrier has a service with the code {code} already, perhaps a retired one. Choose another code.',
})
export const CarrierIncomplete = defineError({
  code: 'CARRIER_INCOMPLETE',
  status: 422,
  sentence: 'The carrier has no active service to review. Add a service, activate it and submit again.',
})
export const SelfReview = defineError({
  code: 'SELF_REVIEW',
  status: 403,
  sentence: 'Nobody reviews a carrier of their own. Ask a colleague to do it.',
})
export const InvalidScac = defineError<{ scac: string }>({
  code: 'INVALID_SCAC',
  status: 422,
  sentence: '{scac} is no code of a carrier: four letters that end in U, X or Z mark equipment. Send the code the carrier was given.',
})
export const InsuranceExpired = defineError<{ insuranceExpiresOn: string | null }>({
  code: 'INSURANCE_EXPIRED',
  status: 409,
  sentence:
    'The insurance of the carrier ended before {insuranceExpiresOn}. Set a later insuranceExpiresOn with PATCH and reinstate again.',
})
export const InvalidTransit = defineError({
  code: 'INVALID_TRANSIT',
  status: 422,
  sentence: 'The transit time ends before it begins. Send minDays that is not above maxDays.',
})
export const UserReferenceNotFound = defineReferenceError('USER_NOT_FOUND')
