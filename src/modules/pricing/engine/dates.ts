import { EngineRefusal } from './refusal.ts'
import { OLDER_TIME_ZONE_NAMES } from './time-zone-names.ts'
import type { DateText, InstantText } from './types.ts'

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const INSTANT = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?(?:Z|([+-])(\d{2}):(\d{2}))$/
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

const invalidDate = (value: unknown, path?: string) => new EngineRefusal('INVALID_DATE', { ...(path && { path }), value: String(value) })

/** Midnight of the day in UTC, of a day that exists. */
function midnightUtc(date: unknown, path?: string): number {
  const parts = typeof date === 'string' ? DATE.exec(date) : null
  if (!parts) throw invalidDate(date, path)
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  const midnight = utc(year, month, day)
  // A day that does not exist rolls over into another month.
  const shown = new Date(midnight)
  if (shown.getUTCMonth() !== month - 1 || shown.getUTCDate() !== day) throw invalidDate(date, path)
  return midnight
}

/** Date.UTC reads the years 0 to 99 as 1900 to 1999. */
function utc(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
  return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * 1000
}

export function requireDate(date: unknown, path?: string): DateText {
  midnightUtc(date, path)
  return String(date)
}

/** Milliseconds since the epoch of an instant that has a zone and at most milliseconds. */
export function parseInstant(instant: unknown, path?: string): number {
  const parts = typeof instant === 'string' ? INSTANT.exec(instant) : null
  if (!parts) throw invalidDate(instant, path)
  const [, date, hour = '', minute = '', second = '', fraction = '', sign, offsetHour = '00', offsetMinute = '00'] = parts
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) throw invalidDate(instant, path)
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) throw invalidDate(instant, path)
  const local =
    midnightUtc(date, path) + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + Number(fraction.padEnd(3, '0'))
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * MINUTE_MS
  return sign === '-' ? local + offset : local - offset
}

interface Zone {
  /** What a clock on the wall shows, as if that were UTC. */
  wallClock(instant: number): number
}

const zones = new Map<string, Zone>()
const knownNames = new Set([...Intl.supportedValuesOf('timeZone'), ...OLDER_TIME_ZONE_NAMES])

/**
 * `Intl` also takes offsets, any case, and names of its own library such as `PST`: only names of the tz database, spelled as there, are zones here.
 */
export function requireTimeZone(name: string, path?: string): Zone {
  const known = zones.get(name)
  if (known) return known
  if (!knownNames.has(name)) throw new EngineRefusal('INVALID_TIMEZONE', { ...(path && { path }), value: String(name) })
  const zone = createZone(name)
  zones.set(name, zone)
  return zone
}

function createZone(timeZone: string): Zone {
  if (timeZone === 'UTC') return { wallClock: (instant) => instant }
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  // One pricing asks every tariff of a zone about the same instant.
  let last = { instant: Number.NaN, wall: Number.NaN }
  return {
    wallClock(instant) {
      if (instant !== last.instant) last = { instant, wall: read(instant) }
      return last.wall
    },
  }

  function read(instant: number): number {
    const shown: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {}
    for (const { type, value } of format.formatToParts(instant)) shown[type] = value
    const year = shown.era === 'BC' ? 1 - Number(shown.year) : Number(shown.year)
    const seconds = utc(year, Number(shown.month), Number(shown.day), Number(shown.hour), Number(shown.minute), Number(shown.second))
    return seconds + (((instant % 1000) + 1000) % 1000)
  }
}

/** The day a calendar on the wall of the zone shows at the instant. */
export function localDate(instant: number, timeZone: string): DateText {
  const shown = requireTimeZone(timeZone).wallClock(instant)
  const date = new Date(shown).toISOString().slice(0, 10)
  if (!DATE.test(date)) throw invalidDate(date)
  return date
}

/** The first instant of the local day; of a day that the zone skipped, the first instant after the gap. */
export function startOfLocalDay(date: DateText, timeZone: string): number {
  const midnight = midnightUtc(date)
  const { wallClock } = requireTimeZone(timeZone)
  const guess = midnight - (wallClock(midnight) - midnight)
  if (wallClock(guess) === midnight && wallClock(guess - 1) < midnight) return guess
  // The clocks change near this midnight. Local days are at most 26 hours away from UTC's; halving a wider span finds the step.
  let before = midnight - 2 * DAY_MS
  let after = midnight + 2 * DAY_MS
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (wallClock(middle) >= midnight) after = middle
    else before = middle
  }
  return after
}

export const toInstantText = (instant: number): InstantText => new Date(instant).toISOString()
