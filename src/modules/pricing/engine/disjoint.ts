import { ATTRIBUTES } from './attributes.ts'
import { type CompiledCondition, compareTexts, type Leaf, requireDateOf, requireDecimalOf } from './conditions.ts'

/** True only when no shipment can meet both leaves; anything not recognised is answered with false. */
export function cannotBothHold(a: Leaf, b: Leaf): boolean {
  if (a.attribute !== b.attribute) return false
  switch (ATTRIBUTES[a.attribute]) {
    case 'text':
      return textsCannotMeet(a, b) || textsCannotMeet(b, a)
    case 'decimal':
      return rangesCannotMeet(rangeOf(a, requireDecimalOf), rangeOf(b, requireDecimalOf), (x, y) => x.compare(y))
    case 'date':
      return rangesCannotMeet(rangeOf(a, requireDateOf), rangeOf(b, requireDateOf), compareTexts)
    case 'boolean':
      return a.op === 'eq' && b.op === 'eq' && a.value !== b.value
    case 'set':
      return false
  }
}

/** Both conditions name, among what they require, values of one attribute that cannot meet. */
export function provablyDisjoint(a: CompiledCondition | null, b: CompiledCondition | null): boolean {
  if (!a || !b) return false
  return a.required.some((leaf) => b.required.some((other) => cannotBothHold(leaf, other)))
}

/** Two leaves of one list that no value can meet. */
export function neverMatches({ required }: CompiledCondition): boolean {
  return required.some((leaf, index) => required.slice(index + 1).some((other) => cannotBothHold(leaf, other)))
}

function listed({ op, value }: Leaf): readonly string[] | null {
  if (op === 'eq' && typeof value === 'string') return [value]
  return op === 'in' && Array.isArray(value) ? value.filter((element) => typeof element === 'string') : null
}

function textsCannotMeet(a: Leaf, b: Leaf): boolean {
  const values = listed(a)
  if (!values)
    return (
      a.op === 'prefix' && b.op === 'prefix' && !String(a.value).startsWith(String(b.value)) && !String(b.value).startsWith(String(a.value))
    )
  const others = listed(b)
  if (others) return !values.some((value) => others.includes(value))
  if (b.op === 'prefix') return !values.some((value) => value.startsWith(String(b.value)))
  if (b.op === 'ne') return values.every((value) => value === b.value)
  if (b.op === 'notIn' && Array.isArray(b.value)) {
    const excluded: readonly unknown[] = b.value
    return values.every((value) => excluded.includes(value))
  }
  return false
}

interface Range<Bound> {
  from: Bound | null
  to: Bound | null
  includesFrom: boolean
  includesTo: boolean
}

function rangeOf<Bound>({ op, value }: Leaf, read: (value: unknown, path: string) => Bound): Range<Bound> | null {
  const bound = () => read(value, '/value')
  switch (op) {
    case 'eq':
      return { from: bound(), to: bound(), includesFrom: true, includesTo: true }
    case 'lt':
      return { from: null, to: bound(), includesFrom: false, includesTo: false }
    case 'lte':
      return { from: null, to: bound(), includesFrom: false, includesTo: true }
    case 'gt':
      return { from: bound(), to: null, includesFrom: false, includesTo: false }
    case 'gte':
      return { from: bound(), to: null, includesFrom: true, includesTo: false }
    case 'between':
      if (!Array.isArray(value)) return null
      return {
        from: read(value[0], '/value/0'),
        to: value[1] === null ? null : read(value[1], '/value/1'),
        includesFrom: true,
        includesTo: false,
      }
    default:
      return null
  }
}

function rangesCannotMeet<Bound>(a: Range<Bound> | null, b: Range<Bound> | null, compare: (x: Bound, y: Bound) => number): boolean {
  if (!a || !b) return false
  return endsBefore(a, b, compare) || endsBefore(b, a, compare) || endsBefore(a, a, compare) || endsBefore(b, b, compare)
}

function endsBefore<Bound>(a: Range<Bound>, b: Range<Bound>, compare: (x: Bound, y: Bound) => number): boolean {
  if (a.to === null || b.from === null) return false
  const order = compare(a.to, b.from)
  return order < 0 || (order === 0 && !(a.includesTo && b.includesFrom))
}
