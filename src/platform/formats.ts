import currencyCodes from 'currency-codes'
import { normaliseEmail } from './email-address.ts'

/** Formats of our own, for values that a pattern cannot tell from nonsense. A schema names them like the standard ones. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  /** A zone the tz database knows: what hours and days are reckoned in later must exist now. */
  'time-zone': isTimeZone,
  /** In ISO 4217. */
  'currency-code': (text) => currencyCodes.code(text) !== undefined,
  /** An address in any spelling that `normaliseEmail` takes. */
  'email-address': (text) => normaliseEmail(text) !== undefined,
}

const seen = new Map<string, boolean>()

function isTimeZone(name: string): boolean {
  const known = seen.get(name)
  if (known !== undefined) return known
  let exists = true
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
  } catch {
    exists = false
  }
  // Names come from outside: what is remembered of them has an end.
  if (seen.size < 1_000) seen.set(name, exists)
  return exists
}
