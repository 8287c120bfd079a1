/**
 * What may differ between two runs of the same tests (ids, instants, tokens, hashes over them) becomes a name. Ids, UUIDs and
 * hashes are numbered as they appear, so what was equal in a run is equal afterwards, and what was not is not.
 */
export interface Masks {
  text(text: string): string
  json(value: unknown): unknown
}

/** The ids of every table begin above: a whole number with seven digits or more is an id, wherever it stands. */
export const firstMaskedId = 1_000_000

const kinds = {
  token: String.raw`eyJ[\w-]+\.[\w-]+\.[\w-]+|bhr_[\w-]+`,
  uuid: String.raw`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`,
  instant: String.raw`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`,
  day: String.raw`\b\d{4}-\d\d-\d\d\b`,
  // The short one stands in the audit trail for whoever could not log in.
  hash: String.raw`\b[0-9a-f]{64}\b|(?<=login/)[0-9a-f]{16}`,
  cursor: String.raw`(?<=cursor=)[\w-]+`,
  // Not the digits of a decimal.
  id: String.raw`(?<![\w.])[1-9]\d{6,9}(?![\w]|\.\d)`,
} as const
type Kind = keyof typeof kinds

const pattern = new RegExp(
  Object.entries(kinds)
    .map(([name, form]) => `(?<${name}>${form})`)
    .join('|'),
  'g',
)

/** Equal or not tells something. Instants do not: two of them may fall into one millisecond or into two. */
const numbered: readonly Kind[] = ['uuid', 'hash', 'id']

/** Members whose values are made up at random, measured, or follow from an id, as the partition of a subject does. */
const unlike = new Set(['requestId', 'traceparent', 'nextCursor', 'kid', 'x', 'y', 'part', 'seq', 'lag'])

export function createMasks(): Masks {
  const seen = new Map<string, string>()
  const counts = new Map<Kind, number>()

  function nameOf(kind: Kind, value: string): string {
    if (!numbered.includes(kind)) return `<${kind}>`
    const known = seen.get(value)
    if (known !== undefined) return known
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    const name = `<${kind} ${count}>`
    seen.set(value, name)
    return name
  }

  const text = (original: string): string =>
    original.replace(pattern, (value, ...rest) => {
      const groups: Record<Kind, string | undefined> = rest.at(-1)
      const kind = (Object.keys(kinds) as Kind[]).find((name) => groups[name] !== undefined)
      return kind === undefined ? value : nameOf(kind, value)
    })

  function json(value: unknown): unknown {
    if (typeof value === 'string') return text(value)
    // A number stays told apart from the same number as text.
    if (typeof value === 'number')
      return Number.isInteger(value) && value >= firstMaskedId ? `number ${nameOf('id', String(value))}` : value
    if (Array.isArray(value)) return value.map(json)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        unlike.has(name) && member !== null ? `<${name}: ${typeof member}>` : json(member),
      ]),
    )
  }
  return { text, json }
}
