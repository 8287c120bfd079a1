/**
 * The number a customer has before it gets one of its own is made from its id, and so never stored. The form is closed to
 * numbers of one's own: one of them would meet a later customer.
 */
export const accountNumberOf = (id: number): string => `C-${String(id).padStart(6, '0')}`

export const isReservedForm = (accountNumber: string): boolean => /^C-[0-9]+$/.test(accountNumber)

/** The id behind a number made by `accountNumberOf`, also when its leading zeros were left away. */
export function idOfAccountNumber(text: string): number | undefined {
  const digits = /^C-0*([1-9][0-9]{0,9})$/i.exec(text)?.[1]
  const id = Number(digits)
  return digits !== undefined && id <= 2_147_483_647 ? id : undefined
}
