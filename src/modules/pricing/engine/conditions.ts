import { ATTRIBUTES, type Attribute, type AttributeType, type Facts, isAttribute } from './attributes.ts'
import { compiledOnce } from './compiled.ts'
import { requireDate } from './dates.ts'
import { type Exact, parseDecimal } from './decimal.ts'
import { EngineRefusal, isRefusal } from './refusal.ts'
import type { Condition } from './types.ts'

/** Null is unknown: an attribute the tree needs is missing. */
export type Truth = boolean | null

type Test = (facts: Facts) => Truth

export interface Leaf {
  attribute: Attribute
  op: string
  value: unknown
}

export interface CompiledCondition {
  evaluate: Test
  /** Distinct attributes anywhere in the tree: their number is the specificity of a rule. */
  attributes: ReadonlySet<Attribute>
  /** Leaves that must all be true, whatever else the tree says. */
  required: readonly Leaf[]
  /** The tree is nothing but its required leaves. */
  isFlat: boolean
}

/** Checks a tree and makes it a test. Every fault of form is `INVALID_CONDITION`. */
export const compileCondition = compiledOnce((condition: Condition & object): CompiledCondition => {
  const attributes = new Set<Attribute>()
  const evaluate = compileNode(condition, attributes, '/conditions')
  const top = topLevel(condition)
  const required = top.filter(isLeaf)
  return { evaluate, attributes, required, isFlat: required.length === top.length }
})

const invalid = (path: string) => new EngineRefusal('INVALID_CONDITION', { path })

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isLeaf(node: unknown): node is Leaf {
  return isRecord(node) && 'attribute' in node
}

function topLevel(condition: Condition): readonly unknown[] {
  if (Array.isArray(condition)) return condition
  if ('all' in condition) return condition.all
  return [condition]
}

function compileNode(node: unknown, attributes: Set<Attribute>, path: string): Test {
  if (Array.isArray(node)) return allOf(compileGroup(node, attributes, path))
  if (!isRecord(node)) throw invalid(path)
  if ('attribute' in node) return compileLeaf(node, attributes, path)
  const [key, ...others] = Object.keys(node)
  if (others.length > 0) throw invalid(path)
  if (key === 'all') return allOf(compileGroup(node.all, attributes, `${path}/all`))
  if (key === 'any') return anyOf(compileGroup(node.any, attributes, `${path}/any`))
  if (key === 'not') return negation(compileNode(node.not, attributes, `${path}/not`))
  throw invalid(path)
}

function compileGroup(nodes: unknown, attributes: Set<Attribute>, path: string): Test[] {
  if (!Array.isArray(nodes) || nodes.length === 0) throw invalid(path)
  return nodes.map((node, index) => compileNode(node, attributes, `${path}/${index}`))
}

const allOf =
  (tests: Test[]): Test =>
  (facts) => {
    let truth: Truth = true
    for (const test of tests) {
      const one = test(facts)
      if (one === false) return false
      if (one === null) truth = null
    }
    return truth
  }

const anyOf =
  (tests: Test[]): Test =>
  (facts) => {
    let truth: Truth = false
    for (const test of tests) {
      const one = test(facts)
      if (one === true) return true
      if (one === null) truth = null
    }
    return truth
  }

const negation =
  (test: Test): Test =>
  (facts) => {
    const truth = test(facts)
    return truth === null ? null : !truth
  }

const OPERATORS: Readonly<Record<AttributeType, readonly string[]>> = {
  text: ['eq', 'ne', 'in', 'notIn', 'prefix', 'exists'],
  set: ['in', 'notIn', 'exists'],
  decimal: ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'between', 'exists'],
  date: ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'between', 'exists'],
  boolean: ['eq', 'exists'],
}

const LEAF_KEYS: readonly string[] = ['attribute', 'op', 'value']

function compileLeaf(node: Record<string, unknown>, attributes: Set<Attribute>, path: string): Test {
  const { attribute, op, value } = node
  if (Object.keys(node).some((key) => !LEAF_KEYS.includes(key))) throw invalid(path)
  if (!isAttribute(attribute)) throw invalid(`${path}/attribute`)
  const type = ATTRIBUTES[attribute]
  if (typeof op !== 'string' || !OPERATORS[type].includes(op)) throw invalid(`${path}/op`)
  attributes.add(attribute)
  if (op === 'exists') {
    if (value != null) throw invalid(`${path}/value`)
    return (facts) => {
      const known = facts[attribute]
      return Array.isArray(known) ? known.length > 0 : known != null
    }
  }
  const holds = comparison(type, op, value, `${path}/value`)
  return (facts) => {
    const known = facts[attribute]
    return known == null ? null : holds(known)
  }
}

type Known = NonNullable<Facts[Attribute]>

function comparison(type: AttributeType, op: string, value: unknown, path: string): (known: Known) => boolean {
  switch (type) {
    case 'text':
      return textTest(op, value, path)
    case 'set': {
      const listed = requireTexts(value, path)
      const meets = (known: Known) => Array.isArray(known) && known.some((element) => listed.includes(element))
      return op === 'in' ? meets : (known) => !meets(known)
    }
    case 'decimal':
      return orderTest(op, value, path, requireDecimalOf, (known, bound) => (isExact(known) ? known.compare(bound) : Number.NaN))
    case 'date':
      return orderTest(op, value, path, requireDateOf, (known, bound) =>
        typeof known === 'string' ? compareTexts(known, bound) : Number.NaN,
      )
    case 'boolean':
      if (typeof value !== 'boolean') throw invalid(path)
      return (known) => known === value
  }
}

function isExact(known: Known): known is Exact {
  return typeof known === 'object' && 'compare' in known
}

export const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function textTest(op: string, value: unknown, path: string): (known: Known) => boolean {
  if (op === 'in' || op === 'notIn') {
    const listed = requireTexts(value, path)
    return (known) => (typeof known === 'string' && listed.includes(known)) === (op === 'in')
  }
  if (typeof value !== 'string') throw invalid(path)
  if (op === 'prefix') return (known) => typeof known === 'string' && known.startsWith(value)
  return (known) => (known === value) === (op === 'eq')
}

function orderTest<Bound>(
  op: string,
  value: unknown,
  path: string,
  read: (value: unknown, path: string) => Bound,
  compare: (known: Known, bound: Bound) => number,
): (known: Known) => boolean {
  if (op === 'between') {
    if (!Array.isArray(value) || value.length !== 2) throw invalid(path)
    const from = read(value[0], path)
    const to = value[1] === null ? null : read(value[1], path)
    return (known) => compare(known, from) >= 0 && (to === null || compare(known, to) < 0)
  }
  const bound = read(value, path)
  const test = ORDER_TESTS[op]
  if (!test) throw invalid(path)
  return (known) => test(compare(known, bound))
}

const ORDER_TESTS: Readonly<Record<string, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
}

function requireTexts(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) throw invalid(path)
  return value.map((element: unknown) => {
    if (typeof element !== 'string') throw invalid(path)
    return element
  })
}

/** A value of the wrong form is a fault of the condition, whatever the reader of the value calls it. */
function reading<Value>(read: (value: unknown) => Value): (value: unknown, path: string) => Value {
  return (value, path) => {
    try {
      return read(value)
    } catch (error) {
      if (isRefusal(error)) throw invalid(path)
      throw error
    }
  }
}

export const requireDecimalOf = reading((value): Exact => parseDecimal(value))
export const requireDateOf = reading((value): string => requireDate(value))
