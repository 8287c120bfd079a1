import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A patch that takes one guard out of a copy of the source, and the tests that must then fail. Its header stands above the diff. */
export interface RedCheck {
  /** The name of its file without the ending. */
  readonly name: string
  readonly path: string
  readonly guard: string
  /** What happens in a system without the guard. */
  readonly without: string
  readonly failures: readonly ExpectedFailure[]
}

export interface ExpectedFailure {
  readonly test: NamedTest
  /** Part of what the failing test says: it must fail because of the guard and nothing else. */
  readonly says: string
}

export type NamedTest =
  | { readonly tool: 'vitest'; readonly file: string; readonly title: string }
  | { readonly tool: 'chaos'; readonly scenario: string; readonly options: readonly string[] }

export const redCheckFolder = 'tests/redchecks'

export function readRedChecks(root: string): readonly RedCheck[] {
  const folder = join(root, redCheckFolder)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => {
      const path = join(folder, file)
      return parseRedCheck(file.replace(/\.patch$/, ''), path, readFileSync(path, 'utf8'))
    })
}

export function parseRedCheck(name: string, path: string, text: string): RedCheck {
  const [header = ''] = text.split(/^diff --git /m)
  const lines = header.split('\n').flatMap((line) => {
    const [, key = '', value = ''] = /^([a-z]+): (.+)$/.exec(line) ?? []
    if (line !== '' && key === '') throw new TypeError(`${name}: "${line}" is no line of a header`)
    return key === '' ? [] : [{ key, value }]
  })
  const only = (wanted: string): string => {
    const [first, second] = lines.filter(({ key }) => key === wanted)
    if (!first || second) throw new TypeError(`${name} needs one line "${wanted}: …"`)
    return first.value
  }
  const failures = lines.flatMap(({ key, value }, index) => {
    if (key !== 'fails') return []
    const next = lines[index + 1]
    if (next?.key !== 'says') throw new TypeError(`${name}: "fails: ${value}" needs a line "says: …" below it`)
    return [{ test: parseTest(name, value), says: next.value }]
  })
  if (failures.length === 0) throw new TypeError(`${name} names no test that must fail`)
  return { name, path, guard: only('guard'), without: only('without'), failures }
}

/** `vitest <file> "<part of its title>"`, `chaos "<scenario>" [options]`. */
function parseTest(name: string, command: string): NamedTest {
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
  const [tool, what, ...rest] = words
  if (tool === 'vitest' && what !== undefined && rest[0] !== undefined && rest.length === 1) return { tool, file: what, title: rest[0] }
  if (tool === 'chaos' && what !== undefined) {
    const sized = rest.some((word) => ['--short', '--full', '--events'].includes(word))
    return { tool, scenario: what, options: sized ? rest : ['--short', ...rest] }
  }
  throw new TypeError(`${name}: "${command}" is neither vitest <file> "<part of its title>" nor chaos "<scenario>" [options]`)
}

export const commandOf = (test: NamedTest): string =>
  test.tool === 'vitest'
    ? `npm test -- ${test.file} -t ${JSON.stringify(test.title)}`
    : `npm run chaos -- --scenario ${JSON.stringify(test.scenario)} ${test.options.join(' ')}`
