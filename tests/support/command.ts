import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { programFile } from '../../scripts/bundle.ts'
import { bareEnvironment } from './bare-environment.ts'

export interface CommandOptions {
  cwd: string
  environment: Readonly<Record<string, string>>
  input?: string
}

/** Runs a command of the project as an operator of the image would, and answers when it has ended. */
export async function runCommand(
  program: Parameters<typeof programFile>[0],
  args: readonly string[],
  { cwd, environment, input = '' }: CommandOptions,
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [programFile(program), ...args], { cwd, env: { ...bareEnvironment, ...environment } })
  const exited = new Promise<number | null>((done) => child.once('exit', done))
  child.stdin.end(input)
  const [code, out, err] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
  return { code, out, err }
}
