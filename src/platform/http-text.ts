import type { Fault } from './errors.ts'
import { pointerPart } from './http-faults.ts'

/**
 * What a schema cannot say about input: depth, size of arrays, names that JavaScript treats specially, and text that is whole
 * Unicode in one form. Text is brought to NFC in place, so that equal words are equal bytes; secrets are taken as they were sent.
 */
export interface TextRules {
  part: Fault['in']
  maxDepth: number
  maxItems: number
  /** Names of members whose text must not be touched. */
  secrets: ReadonlySet<string>
}

const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype'])
const ascii = /^[ -~\t\n\r]*$/

export function tidy(value: unknown, rules: TextRules): { value: unknown; faults: Fault[] } {
  const faults: Fault[] = []
  const fault = (path: string, code: string, message: string, limit?: number): void => {
    faults.push({ in: rules.part, path, code, message, ...(limit === undefined ? {} : { limit: String(limit) }) })
  }

  function tidyText(text: string, path: string, secret: boolean): string {
    if (ascii.test(text)) return text
    if (text.includes('\u0000')) fault(path, 'WRONG_FORMAT', 'must not hold the character NUL')
    else if (!text.isWellFormed()) fault(path, 'WRONG_FORMAT', 'must be whole Unicode: it holds half a surrogate pair')
    else if (!secret) return text.normalize('NFC')
    return text
  }

  function walk(node: unknown, path: string, depth: number, secret: boolean): unknown {
    if (typeof node === 'string') return tidyText(node, path, secret)
    if (typeof node !== 'object' || node === null) return node
    if (depth >= rules.maxDepth) {
      fault(path, 'TOO_DEEP', `must not be nested deeper than ${rules.maxDepth} levels`, rules.maxDepth)
      return node
    }
    if (Array.isArray(node)) {
      if (node.length > rules.maxItems) {
        fault(path, 'TOO_MANY', `must not hold more than ${rules.maxItems} items`, rules.maxItems)
        return node
      }
      for (const [index, item] of node.entries()) node[index] = walk(item, `${path}/${index}`, depth + 1, secret)
      return node
    }
    for (const [name, member] of Object.entries(node)) {
      const memberPath = `${path}/${pointerPart(name)}`
      if (forbiddenNames.has(name)) {
        fault(memberPath, 'UNKNOWN_MEMBER', 'is not known here')
        continue
      }
      if (!ascii.test(name) && (name.includes('\u0000') || !name.isWellFormed()))
        fault(path, 'UNKNOWN_MEMBER', 'holds a member whose name is no whole Unicode')
      const tidied = walk(member, memberPath, depth + 1, secret || rules.secrets.has(name))
      if (tidied !== member) Reflect.set(node, name, tidied)
    }
    return node
  }

  return { value: walk(value, '', 0, false), faults }
}
