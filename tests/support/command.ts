import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { bareEnvironment } from './bare-environment.ts'

export interface CommandOptions {
  cwd: string
  environment: Readonly<Record<string, string>>
  input?: string
}

/** Runs a script of the project as a person would, and answers when it has ended. */
export async function runCommand(
  script: string,
  args: readonly string[],
  { cwd, environment, input = '' }: CommandOptions,
): Promise<{ code: number | null; out: string; err: string }> {
  const file = resolve(import.meta.dirname, '../../scripts', script)
  const child = spawn(process.execPath, [file, ...args], { cwd, env: { ...bareEnvironment, ...environment } })
  const exited = new Promise<number | null>((done) => child.once('exit', done))
  child.stdin.end(input)
  const [code, out, err] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
  return { code, out, err }
}
