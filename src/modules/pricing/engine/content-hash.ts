import { createHash } from 'node:crypto'
import { ATTRIBUTES, isAttribute } from './attributes.ts'
import { exactText, parseDecimal } from './decimal.ts'
import { isRefusal } from './refusal.ts'
import type { Rule, TariffVersion } from './types.ts'

/** Sorted keys, no blanks, and absent the same as null: one text for one meaning. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  const members = Object.entries(value)
    .filter(([, inner]) => inner !== null && inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`)
  return `{${members.join(',')}}`
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Keys under which a text is a number, in versions and in actions of rules. */
const DECIMAL_KEYS = new Set([
  ...['rate', 'per', 'percent', 'price', 'from', 'to', 'flat', 'size', 'free', 'minCharge', 'maxCharge', 'amount', 'min', 'max'],
  ...['divisor', 'volumeGt', 'lengthPlusGirthGt', 'longestSideGt', 'weightGt', 'weight', 'upTo', 'increment', 'minRevenueTons'],
  ...['minNet', 'minTotal', 'maxTotal'],
])

/**
 * The hash of everything in a version that can change a price: its dates, policies and tables, the currency its amounts are in, and the rules attached to it.
 * Two spellings of one number (`5`, `5.00`) hash alike; ids, numbers, states and the order of tables, rows and rules do not count.
 */
export function contentHash({
  currency,
  version,
  rules,
}: {
  currency: string
  version: Omit<TariffVersion, 'contentHash'>
  rules: readonly Rule[]
}): string {
  const { effectiveFrom, effectiveTo, weightPolicy, rounding, discountStacking, minNet, minTotal, maxTotal, rateTables } = version
  const tables = rateTables
    .map((table) => canonicalJson(plainNumbers('breaks' in table ? { ...table, breaks: inTextOrder(table.breaks) } : table)))
    .sort()
  const attached = rules
    .map(({ id: _, number: __, tariffVersionId: ___, conditions, ...rule }) =>
      canonicalJson({ ...record(plainNumbers(rule)), conditions: plainConditions(conditions) }),
    )
    .sort()
  return sha256(
    canonicalJson({
      currency,
      effectiveFrom,
      effectiveTo,
      policy: plainNumbers({ weightPolicy, rounding, discountStacking, minNet, minTotal, maxTotal }),
      tables,
      rules: attached,
    }),
  )
}

const inTextOrder = (rows: readonly object[]) => rows.map((row) => canonicalJson(plainNumbers(row))).sort()

const record = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? { ...value } : {})

function plainNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainNumbers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      DECIMAL_KEYS.has(key) && typeof inner === 'string' ? plainNumber(inner) : plainNumbers(inner),
    ]),
  )
}

/** A text that is no decimal stays as it is: a draft may hold a fault and still have a hash. */
function plainNumber(text: string): string {
  try {
    return exactText(parseDecimal(text))
  } catch (error) {
    if (isRefusal(error)) return text
    throw error
  }
}

function plainConditions(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plainConditions)
  if (typeof node !== 'object' || node === null) return node
  if (!('attribute' in node)) return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, plainConditions(inner)]))
  if (!isAttribute(node.attribute) || ATTRIBUTES[node.attribute] !== 'decimal' || !('value' in node)) return node
  const { value } = node
  const plain = (one: unknown) => (typeof one === 'string' ? plainNumber(one) : one)
  return { ...node, value: Array.isArray(value) ? value.map(plain) : plain(value) }
}
