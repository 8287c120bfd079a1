import { describe, expect, it } from 'vitest'
import { normalPlace } from './places.ts'
import { isRefusal } from './refusal.ts'

function postal(country: string, postalCode: string): string | null {
  try {
    return normalPlace({ country, postalCode }, '').postal
  } catch (error) {
    if (isRefusal(error)) return error.code
    throw error
  }
}

describe('a place', () => {
  it.each([
    ['us', '99501-1234', '99501'],
    ['US', '99501', '99501'],
    ['US', '9950', 'INVALID_POSTAL_CODE'],
    ['CA', 'k1a 0b1', 'K1A0B1'],
    ['CA', 'K1A0B', 'INVALID_POSTAL_CODE'],
    ['GB', 'sw1a 1aa', 'SW1A1AA'],
    ['GB', 'M1 1AE', 'M11AE'],
    ['GB', '1AA', 'INVALID_POSTAL_CODE'],
    ['DE', '10 115', '10115'],
    ['FR', '7500', 'INVALID_POSTAL_CODE'],
    ['NL', '1012 ab', '1012AB'],
    ['PT', '1000-001', '1000001'],
    ['IE', 'A', 'INVALID_POSTAL_CODE'],
    ['USA', '99501', 'INVALID_COUNTRY'],
    ['1A', '99501', 'INVALID_COUNTRY'],
  ])('in %s with the code "%s" has %s', (country, code, expected) => {
    expect(postal(country, code)).toBe(expected)
  })

  it('spells city and region one way', () => {
    expect(normalPlace({ country: 'de', city: '  bad   Mu\u0308nster ', region: 'nw' }, '')).toMatchObject({
      country: 'DE',
      city: 'BAD M\u00dcNSTER',
      region: 'NW',
      postal: null,
    })
  })
})
