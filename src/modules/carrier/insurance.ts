/**
 * When the cover of a carrier ends. `insuranceExpiresOn` is the first day without it, a local day of the carrier; what is stored
 * and compared is the instant at which that day begins.
 */
export interface Insured {
  status: string
  insuranceEndsAt: string | null
}

/** True from the first instant without cover. */
export const isCoverOver = ({ insuranceEndsAt }: Pick<Insured, 'insuranceEndsAt'>, now: number): boolean =>
  insuranceEndsAt !== null && Date.parse(insuranceEndsAt) <= now

/** The state that counts: an active carrier without cover is a suspended one, whatever its row says. */
export function effectiveStatus<S extends string>(carrier: { status: S; insuranceEndsAt: string | null }, now: number): S | 'suspended' {
  return carrier.status === 'active' && isCoverOver(carrier, now) ? 'suspended' : carrier.status
}

const hour = 3_600_000
// Zones are between UTC-12 and UTC+14, so a local day begins within these hours of the same day in UTC.
const widest = 15 * hour

/** The first instant of a local day. Found by search, because a day may begin at one o'clock where clocks jump at midnight. */
export function startOfDay(date: string, timezone: string): string {
  const day = dayIn(timezone)
  const midnight = Date.parse(`${date}T00:00:00Z`)
  let before = midnight - widest
  let reached = midnight + widest
  while (reached - before > 1) {
    const middle = Math.floor((before + reached) / 2)
    if (day(middle) < date) before = middle
    else reached = middle
  }
  return new Date(reached).toISOString()
}

/** The calendar date at an instant, as `2026-03-29`. */
function dayIn(timezone: string): (instant: number) => string {
  // Swedish writes dates as ISO 8601 does.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return (instant) => format.format(instant)
}
