import { defineError, defineReferenceError } from '#platform/errors.ts'

export const CustomerNotFound = defineError<{ id: number }>({
  code: 'CUSTOMER_NOT_FOUND',
  status: 404,
  sentence: 'There is no such customer, or it is not yours to see.',
  remedy: 'Check the id. Customers other than your own need a permission with the scope "any".',
})
export const CustomerExists = defineError<{ userId: number }>({
  code: 'CUSTOMER_EXISTS',
  status: 409,
  sentence: 'The user {userId} has a customer profile already. Find it with GET /v1/customers?userId={userId} and change that one.',
})
export const CustomerIncomplete = defineError<{ missing: string }>({
  code: 'CUSTOMER_INCOMPLETE',
  status: 422,
  sentence: 'The customer cannot trade without {missing}. Set it with PATCH and repeat the action.',
})
export const AccountNumberTaken = defineError<{ accountNumber: string }>({
  code: 'ACCOUNT_NUMBER_TAKEN',
  status: 409,
  sentence: 'Another customer has the account number {accountNumber}. Choose another one.',
})
export const AccountNumberReserved = defineError<{ accountNumber: string }>({
  code: 'ACCOUNT_NUMBER_RESERVED',
  status: 422,
  sentence: 'Numbers like {accountNumber}, C- and digits, are given to customers without a number of their own. Choose another form.',
})
export const UserReferenceNotFound = defineReferenceError('USER_NOT_FOUND')
