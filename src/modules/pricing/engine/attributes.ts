import type { Exact } from './decimal.ts'

export type AttributeType = 'text' | 'set' | 'decimal' | 'date' | 'boolean'

/** Everything a condition can ask about. */
export const ATTRIBUTES = {
  'customer.tier': 'text',
  'carrier.code': 'text',
  'service.code': 'text',
  'service.mode': 'text',
  zone: 'text',
  'origin.country': 'text',
  'origin.region': 'text',
  'origin.postal': 'text',
  'dest.country': 'text',
  'dest.region': 'text',
  'dest.postal': 'text',
  'customer.groups': 'set',
  features: 'set',
  chargeableWeight: 'decimal',
  actualWeight: 'decimal',
  pieces: 'decimal',
  longestSide: 'decimal',
  lengthPlusGirth: 'decimal',
  declaredValue: 'decimal',
  shipDate: 'date',
  'dest.residential': 'boolean',
} as const satisfies Record<string, AttributeType>

export type Attribute = keyof typeof ATTRIBUTES

export function isAttribute(name: unknown): name is Attribute {
  return typeof name === 'string' && Object.hasOwn(ATTRIBUTES, name)
}

interface Values {
  text: string
  set: readonly string[]
  decimal: Exact
  date: string
  boolean: boolean
}

/** What is known of one shipment; an attribute that is absent or null is missing. */
export type Facts = { readonly [Name in Attribute]?: Values[(typeof ATTRIBUTES)[Name]] | null }
