import type { Fault } from '#platform/errors.ts'
import { FieldForbidden, FieldImmutable } from '#platform/http-errors.ts'
import { type Principal, scopeOf } from '#platform/principal.ts'
import { accountNumberOf, isReservedForm } from './account-numbers.ts'
import type { Customer } from './contract.ts'
import { AccountNumberReserved, CustomerIncomplete } from './errors.ts'
import type { CustomerPatch } from './schemas.ts'

/** What the business refuses, as functions of what is known: no database, no clock. */

/** What customers may write about themselves; every other member is for staff. */
const ownMembers: readonly string[] = ['companyName', 'legalName', 'invoiceEmail'] satisfies (keyof CustomerPatch)[]

export function refuseForeignMembers(patch: CustomerPatch, actor: Principal): void {
  if (scopeOf(actor, 'customer:update') === 'any') return
  const [path, ...more] = Object.keys(patch)
    .filter((member) => !ownMembers.includes(member))
    .map((member) => `/${member}`)
  if (path === undefined) return
  throw FieldForbidden({ path }, { faults: [path, ...more].map((each) => faultAt(each, FieldForbidden.code, 'is not yours to write')) })
}

/** The state changes by its actions only, the user never, the account number once. */
export function refuseFixedMembers(before: Customer, next: Customer): void {
  if (before.userId !== next.userId) throw immutable('/userId')
  if (before.status !== next.status) throw immutable('/status')
  if (before.accountNumber === next.accountNumber) return
  if (before.accountNumber !== accountNumberOf(before.id)) throw immutable('/accountNumber')
  requireFreeForm(next.accountNumber)
}

export function requireFreeForm(accountNumber: string): void {
  if (!isReservedForm(accountNumber)) return
  const { code } = AccountNumberReserved
  throw AccountNumberReserved({ accountNumber }, { faults: [faultAt('/accountNumber', code, 'has a form that is given out')] })
}

/** Who trades has a name to write on an invoice and a currency to write it in. */
export function requireComplete({ type, companyName, legalName, defaultCurrency }: Customer): void {
  const name = type === 'company' ? 'companyName' : 'legalName'
  const missing: string[] = []
  if (!(type === 'company' ? companyName : legalName)) missing.push(name)
  if (defaultCurrency === null) missing.push('defaultCurrency')
  if (missing.length === 0) return
  const { code } = CustomerIncomplete
  throw CustomerIncomplete(
    { missing: missing.join(' and ') },
    { faults: missing.map((member) => faultAt(`/${member}`, code, 'is missing')) },
  )
}

const immutable = (path: string) => FieldImmutable({ path }, { faults: [faultAt(path, FieldImmutable.code, 'cannot be changed here')] })

const faultAt = (path: string, code: string, message: string): Fault => ({ in: 'body', path, code, message })
