import { EngineRefusal } from './refusal.ts'
import type { Place } from './types.ts'

/** A place in the one spelling that patterns and conditions compare with. */
export interface NormalPlace {
  country: string
  region: string | null
  city: string | null
  postal: string | null
  residential: boolean | null
}

const COUNTRY = /^[A-Z]{2}$/
const SEPARATORS = /[\s.-]/g
const FIVE_DIGITS = /^\d{5}$/
const POSTAL_CODES: ReadonlyMap<string, RegExp> = new Map([
  ['US', /^\d{5}(\d{4})?$/],
  ['CA', /^[A-Z]\d[A-Z]\d[A-Z]\d$/],
  ['GB', /^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$/],
  ['DE', FIVE_DIGITS],
  ['ES', FIVE_DIGITS],
  ['FR', FIVE_DIGITS],
  ['IT', FIVE_DIGITS],
])
const OTHER_POSTAL_CODES = /^[A-Z0-9]{2,10}$/

export function normalPlace({ country, region, city, postalCode, residential }: Place, path: string): NormalPlace {
  const code = country.toUpperCase()
  if (!COUNTRY.test(code)) throw new EngineRefusal('INVALID_COUNTRY', { path: `${path}/country`, value: country })
  return {
    country: code,
    region: region == null ? null : region.toUpperCase(),
    city: city == null ? null : city.normalize('NFC').trim().replace(/\s+/g, ' ').toUpperCase(),
    postal: postalCode == null ? null : normalPostalCode(postalCode, code, `${path}/postalCode`),
    residential: residential ?? null,
  }
}

function normalPostalCode(entered: string, country: string, path: string): string {
  const code = entered.replace(SEPARATORS, '').toUpperCase()
  if (!(POSTAL_CODES.get(country) ?? OTHER_POSTAL_CODES).test(code))
    throw new EngineRefusal('INVALID_POSTAL_CODE', { path, value: entered })
  return country === 'US' ? code.slice(0, 5) : code
}
