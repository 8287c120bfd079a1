/** One refusal of the gate: which wall, where, and what to do instead. */
export interface Finding {
  rule: string
  file: string
  line?: number
  /** What the file reaches for, where that is another file, a package or a word. */
  target?: string
  remedy: string
}

export const place = ({ file, line }: Finding) => (line === undefined ? file : `${file}:${line}`)

export function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0) || a.rule.localeCompare(b.rule))
}
