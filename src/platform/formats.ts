import currencyCodes from 'currency-codes'
import { normaliseEmail } from './email-address.ts'

/** Formats of our own, for values that a pattern cannot tell from nonsense. A schema names them like the standard ones. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  /** Narrower than the standard's: what a clock and a column can hold. No leap seconds, no more than milliseconds. */
  'date-time': isInstant,
  date: isDay,
  /** A zone the tz database knows: what hours and days are reckoned in later must exist now. */
  'time-zone': isTimeZone,
  /** In ISO 4217. */
  'currency-code': (text) => currencyCodes.code(text) !== undefined,
  /** An address in any spelling that `normaliseEmail` takes. */
  'email-address': (text) => normaliseEmail(text) !== undefined,
}

const instantText = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,3})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const [earliest, end] = [Date.parse('1000-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')]

function isInstant(text: string): boolean {
  const date = instantText.exec(text)?.[1]
  const at = Date.parse(text)
  return date !== undefined && isDay(date) && at >= earliest && at <= end
}

function isDay(text: string): boolean {
  const at = /^[1-9]\d{3}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // February has no 30th, though JavaScript makes a March of it.
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

/** Zones that exist, in the spellings that were sent: text from strangers is remembered only when it is one, and not without end. */
const knownZones = new Set<string>()
const mostZones = 1_000

function isTimeZone(name: string): boolean {
  if (knownZones.has(name)) return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
  } catch {
    return false
  }
  if (knownZones.size < mostZones) knownZones.add(name)
  return true
}
