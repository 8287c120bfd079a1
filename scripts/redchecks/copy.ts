import { execFileSync } from 'node:child_process'
import { cpSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** The files of the repository as they stand, committed or not, in a folder of their own that may be changed. */
export interface Copy {
  readonly folder: string
  /** False when the patch does not fit. */
  apply(patch: string): boolean
  remove(): void
}

export function copyTree(root: string): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-redcheck-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  for (const path of listed.split('\0')) {
    const from = join(root, path)
    // A file that is listed may have been deleted; the packages are shared below.
    if (path === '' || !lstatSync(from, { throwIfNoEntry: false })?.isFile()) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    cpSync(from, join(folder, path))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    apply: (patch) => applies(folder, patch, []),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Whether a patch fits the tree; changes nothing. */
export const fits = (root: string, patch: string): boolean => applies(root, patch, ['--check'])

function applies(root: string, patch: string, options: readonly string[]): boolean {
  try {
    execFileSync('git', ['apply', ...options, patch], { cwd: root, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
