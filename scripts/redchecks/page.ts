import type { RedCheck } from './patches.ts'

/** What a patched copy showed. */
export interface Finding {
  /** Of the patch. */
  readonly name: string
  readonly command: string
  /** True when the test failed, for the reason it should. */
  readonly noticed: boolean
  readonly effect: string
  /** The day. */
  readonly at: string
}

export interface Findings {
  readonly findings: readonly Finding[]
}

const [begin, end] = ['<!-- measured: written by `npm run redchecks` -->', '<!-- /measured -->']

/** The page with the table of what was measured last. */
export function withTable(page: string, checks: readonly RedCheck[], findings: readonly Finding[]): string {
  const rows = checks.flatMap(({ name, guard, without }) =>
    findings
      .filter((finding) => finding.name === name)
      .map(({ command, noticed, effect, at }, index) => {
        const what = index === 0 ? [`[${name}](${name}.patch): ${guard}`, without] : ['', '']
        return `| ${[...what, `\`${command}\``, noticed ? cell(effect) : `**not noticed**: ${cell(effect)}`, at].join(' | ')} |`
      }),
  )
  const table = ['| the guard that is taken out | without it | what must fail | what was measured | on |', '|---|---|---|---|---|', ...rows]
  const [before = ''] = page.split(begin)
  const [, after = '\n'] = page.split(end)
  return `${before}${begin}\n${table.join('\n')}\n${end}${after}`
}

/** Long messages are cut: the table is to be read. */
function cell(text: string): string {
  const line = text
    .replace(/^(Assertion)?Error: /, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|')
  return line.length > 160 ? `${line.slice(0, 159)}…` : line
}
