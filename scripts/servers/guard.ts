import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Ends processes when the process that started them cannot do it any more, because it was killed. A shell waits on a pipe
 * that only we hold: whatever ends us closes it. It then asks the guarded processes to end, in the order given, and after
 * `patienceSeconds` each is killed. Folders given to it are removed last.
 */
export interface Guard {
  /** What is to be ended from now on; replaces the list before. */
  watch(pids: readonly number[], folders?: readonly string[]): void
  /** We ended everything ourselves. */
  dismiss(): void
}

const script = `
trap '' INT HUP TERM
pids= folders=
while IFS= read -r line; do
  case $line in
    pids\\ *) pids=\${line#pids } ;;
    folder\\ *) folders="$folders
\${line#folder }" ;;
    dismiss) exit 0 ;;
  esac
done
for pid in $pids; do
  kill -CONT "$pid" 2>/dev/null
  kill -TERM "$pid" 2>/dev/null
  left=$((PATIENCE * 10))
  while kill -0 "$pid" 2>/dev/null; do
    [ "$left" -le 0 ] && kill -KILL "$pid" 2>/dev/null && break
    left=$((left - 1))
    sleep 0.1
  done
done
printf '%s\\n' "$folders" | while IFS= read -r folder; do [ -n "$folder" ] && rm -rf -- "$folder"; done
exit 0
`

export function createGuard(patienceSeconds: number): Guard {
  const shell: ChildProcess = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: { PATH: process.env.PATH, PATIENCE: String(patienceSeconds) },
  })
  shell.unref()
  const { stdin } = shell
  stdin?.on('error', () => undefined)
  if (stdin && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return {
    watch: (pids, folders = []) => {
      stdin?.write(`pids ${pids.join(' ')}\n`)
      for (const folder of folders) stdin?.write(`folder ${folder}\n`)
    },
    dismiss: () => stdin?.end('dismiss\n'),
  }
}
