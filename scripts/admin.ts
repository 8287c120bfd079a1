/**
 * Makes an administrator, for an installation that has none or has lost them all.
 *
 *     npm run admin -- create --email ada@example.com
 *
 * The password is asked for at the terminal, or read from standard input when that is no terminal.
 */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { createApp } from '../src/app.ts'
import { ConfigError, loadConfig } from '../src/platform/config.ts'
import { isAppError } from '../src/platform/errors.ts'
import { createLog } from '../src/platform/logging.ts'
import { loadSettings } from './settings.ts'

interface CreateOptions {
  email: string
  firstName: string
  lastName: string
}

async function create({ email, firstName, lastName }: CreateOptions): Promise<void> {
  loadSettings()
  const config = loadConfig()
  const password = process.stdin.isTTY ? await ask('Password: ') : (await text(process.stdin)).replace(/\r?\n$/, '')
  const app = await createApp({ config, log: createLog({ logLevel: 'silent' }) })
  try {
    if (!app.createAdministrator) throw new ConfigError(['MODULES has no auth: accounts are made by a process that hosts it'])
    await app.start()
    const user = await app.createAdministrator({ email, password, firstName, lastName })
    console.log(`administrator ${user.email} created, user ${user.id}`)
  } finally {
    await app.http.app.close()
    await app.close()
  }
}

/** Reads a line without showing it. */
function ask(question: string): Promise<string> {
  process.stdout.write(question)
  const dark = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: dark, terminal: true })
  return new Promise((resolve) => {
    terminal.question('', (answer) => {
      terminal.close()
      process.stdout.write('\n')
      resolve(answer)
    })
  })
}

const program = new Command('admin').description('Administrators of this installation')
program
  .command('create')
  .description('make an administrator')
  .requiredOption('--email <address>', 'the address to log in with')
  .option('--first-name <name>', 'first name', 'First')
  .option('--last-name <name>', 'last name', 'Administrator')
  .action(create)

try {
  await program.parseAsync()
} catch (error) {
  const isExpected = isAppError(error) || error instanceof ConfigError
  console.error(isExpected && error instanceof Error ? error.message : error)
  process.exitCode = 1
}
