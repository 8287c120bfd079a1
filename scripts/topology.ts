/**
 * Says what a process with the settings of a file would host, call and hear, or what is wrong with them, and which rights it needs in
 * Redis. Needs no database.
 *
 *     npm run topology -- describe deploy/front.env
 *     npm run topology -- validate deploy/front.env
 *     npm run --silent topology -- redis deploy/front.env deploy/back.env | redis-cli
 */
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { Command } from 'commander'
import { type Config, ConfigError, loadConfig } from '../src/platform/config.ts'
import { describeFailure, Failure } from './servers/failure.ts'
import { describeTopology, neededVariables, topologyInWords } from './topology/description.ts'
import { redisAccount } from './topology/redis-rights.ts'

const configOf = (file: string): Config => loadConfig(parseEnv(readFileSync(file, 'utf8')))

const program = new Command('topology').description('Which modules run where').option('--json', 'print one JSON document for programs')
program
  .command('describe')
  .description('what the process hosts, calls and hears, and which settings it needs')
  .argument('<file>', 'its environment')
  .action(async (file: string) => {
    const config = configOf(file)
    const report = await describeTopology(config)
    const variables = neededVariables(config)
    process.stdout.write(
      program.opts<{ json?: boolean }>().json ? `${JSON.stringify({ ...report, variables })}\n` : topologyInWords(report, variables),
    )
  })
program
  .command('validate')
  .description('whether the process would start with these settings, as far as settings can tell')
  .argument('<file>', 'its environment')
  .action((file: string) => {
    const { modules } = configOf(file)
    process.stdout.write(`${file}: a process with ${modules.join(', ')} would start\n`)
  })
program
  .command('redis')
  .description('the commands that give each process an account in Redis with the rights it needs and no others')
  .argument('<files...>', 'the environment of each, with REDIS_USERNAME and REDIS_PASSWORD')
  .action((files: string[]) => {
    const accounts = files.map((file) => redisAccount(configOf(file)))
    process.stdout.write(`${accounts.join('\n')}\n`)
  })

try {
  await program.parseAsync()
} catch (error) {
  const isExpected = error instanceof ConfigError || (error instanceof Error && 'code' in error && error.code === 'ENOENT')
  const text = error instanceof Error ? (isExpected ? error.message : error.stack) : String(error)
  process.stderr.write(error instanceof Failure ? describeFailure(error) : `${text}\n`)
  process.exitCode = 1
}
