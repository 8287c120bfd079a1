import { Command } from 'commander'
import { ConfigError, type DatabaseName, databaseNames, loadMigratorConfig } from '#platform/config.ts'
import { MigrationError, migrateDatabase, migrationStatus } from '#platform/migrations.ts'
import packageJson from '../package.json' with { type: 'json' }

const program = new Command('db')
  .description('The schemas of the four databases. Migrations go forward only and run as the migrator accounts.')
  .option('--json', 'print one JSON document for programs')

program
  .command('migrate')
  .description('run what has not run yet, and give the run-time accounts their grants; safe to repeat and to run twice at once')
  .argument('[databases...]', `some of ${databaseNames.join(', ')}; all when none is named`)
  .action(async (names: string[]) => {
    const settings = loadMigratorConfig()
    const results = await Promise.all(
      chosen(names).map((name) =>
        migrateDatabase(name, settings[name], {
          appVersion: packageJson.version,
          progress: ({ tag, statement }) => say(`${name}: ${tag}, statement ${statement + 1}`),
        }),
      ),
    )
    report(results, () => {
      for (const { database, applied, total } of results) {
        say(`${database}: ${applied === 0 ? `up to date, ${total} statements` : `${applied} of ${total} statements run`}`)
      }
    })
  })

program
  .command('status')
  .description('say what has run and what has not; exit code 1 when something is left to do')
  .argument('[databases...]', 'all when none is named')
  .action(async (names: string[]) => {
    const settings = loadMigratorConfig()
    const states = await Promise.all(chosen(names).map((name) => migrationStatus(name, settings[name])))
    report(states, () => {
      for (const { database, statements } of states) {
        const open = statements.filter(({ state }) => state !== 'done')
        say(`${database}: ${statements.length - open.length} done, ${open.length} open`)
        for (const { tag, statement, state } of open) say(`  ${state}  ${tag}, statement ${statement + 1}`)
      }
    })
    if (states.some(({ statements }) => statements.some(({ state }) => state === 'pending' || state === 'unfinished'))) process.exitCode = 1
  })

program
  .command('generate')
  .description('write the migration that brings a database from the last one to tables.ts')
  .argument('<database>', databaseNames.join(', '))
  .option('--name <intention>', 'what the migration is for, in words_with_underscores')
  .option('--fresh', 'throw all migrations of this database away and write one that creates it; only before its first release')
  .option('--empty', 'write an empty migration, for rows')
  .action(async (name: string, options: { name?: string; fresh?: boolean; empty?: boolean }) => {
    const { generateMigration } = await import('./db/generate.ts')
    const [database] = chosen([name])
    if (!database) return
    const result = generateMigration(database, options)
    report(result, () =>
      say(result.file === undefined ? `${database}: tables.ts says what the migrations say` : `${database}: ${result.file}`),
    )
  })

function chosen(names: readonly string[]): DatabaseName[] {
  const unknown = names.find((name) => !databaseNames.some((known) => known === name))
  if (unknown !== undefined) throw new MigrationError(`There is no database ${unknown}. Name one of ${databaseNames.join(', ')}.`)
  return names.length === 0 ? [...databaseNames] : databaseNames.filter((name) => names.includes(name))
}

function report(result: unknown, inWords: () => void): void {
  if (program.opts<{ json?: boolean }>().json) process.stdout.write(`${JSON.stringify(result)}\n`)
  else inWords()
}

function say(line: string): void {
  if (!program.opts<{ json?: boolean }>().json) process.stdout.write(`${line}\n`)
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof MigrationError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
