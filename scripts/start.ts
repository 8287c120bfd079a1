import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeFailure, Failure } from './servers/failure.ts'
import { createGuard } from './servers/guard.ts'
import { requireBalancer, requirePrograms } from './servers/packages.ts'
import { firstAdministrator } from './start/administrator.ts'
import { launchApi } from './start/api.ts'
import type { Balanced } from './start/balanced.ts'
import { banner } from './start/banner.ts'
import { type EmbeddedServers, startEmbedded } from './start/embedded.ts'
import {
  apiEnvironment,
  databases,
  embedded,
  migrationEnvironment,
  readEnvironment,
  startSettings,
  writeEnvironmentFile,
} from './start/environment.ts'
import { claimDataFolder, requireAnswers, requireFreePorts } from './start/instance.ts'
import { createProgress } from './start/progress.ts'
import { prepareSchemas } from './start/schemas.ts'
import { keptSecrets } from './start/secrets.ts'

const usage = `npm start [-- options]

Starts Bulkhead with everything it needs and stops it again with Ctrl-C. Settings come from the environment and from
.env; .env.example explains each. With SHARED_DB_HOST and the others, and REDIS_HOST, those servers are used instead.

  --topology N   run several API processes behind a balancer: replicas3, split2 or units (docs/topologies.md)
  --watch        run the sources and start the API again when they change (npm run dev)
  --no-install   do not install MariaDB, Redis and HAProxy when they are missing
  --install      install them with sudo when they are missing
`

const root = resolve(import.meta.dirname, '..')
const progress = createProgress()

/** One API process, or those of a topology and their balancer. */
type Running = Omit<Balanced, 'describe'> & Partial<Pick<Balanced, 'describe'>>

/** What has been started so far, in order; it is ended the other way round. */
const started: { servers: EmbeddedServers; api?: Running; release?: () => void } = { servers: {} }
const guard = createGuard(26)
let stopping: Promise<void> | undefined

interface Options {
  topology: string | undefined
  watch: boolean
  install: boolean
  noInstall: boolean
}

async function start(options: Options): Promise<void> {
  const installation = { allowed: !options.noInstall, withSudo: options.install, say: progress.say }
  const topology = options.topology === undefined ? undefined : await chosenTopology(options.topology, options, installation)
  const environment = readEnvironment(root)
  const settings = startSettings(environment, root)
  const { dataDir, given } = settings
  const url = environment.PUBLIC_URL || `http://${settings.host}:${settings.port}`
  const baseUrl = `http://${settings.host === '0.0.0.0' ? '127.0.0.1' : settings.host}:${settings.port}`

  started.release = claimDataFolder(settings)
  await requireFreePorts(settings)
  await requireAnswers(environment, given)
  const secrets = keptSecrets(
    dataDir,
    databases.map(({ prefix }) => prefix),
  )

  const ownDatabases = embedded(settings)
  if (ownDatabases.length > 0 || !given.redis) {
    const binaries = requirePrograms(installation)
    await progress.step('servers', async (say) => {
      started.servers = await startEmbedded({ dataDir, binaries, secrets, mariadb: ownDatabases.length > 0, redis: !given.redis })
      guardWhatRuns()
      say(describeServers(started.servers))
    })
  }
  const { mariadb, redis } = started.servers
  const forApi = apiEnvironment(environment, settings, secrets, { mariadb: mariadb?.port, redis: redis?.port })
  const forMigrations = migrationEnvironment(forApi, settings, secrets)
  writeEnvironmentFile(forMigrations, settings)
  await progress.step('databases', async (say) => {
    say(await prepareSchemas({ root, settings, environment: forMigrations, mariadb, say }))
  })

  const program = options.watch ? ['--watch', '--watch-preserve-output', 'src/server.ts'] : [await bundledProgram()]
  const admin = firstAdministrator(environment, settings, secrets)
  const launch = { program, environment: forApi, firstEnvironment: admin.environment }
  await progress.step('API', () => (topology ? startTopology({ ...topology, ...launch, settings, publicUrl: url }) : startOne(launch)))
  const seconds = performance.now() / 1_000
  guardWhatRuns()

  admin.made()
  const { email, password } = admin
  const demo =
    settings.demoData && environment.NODE_ENV !== 'production'
      ? await demonstrate({ baseUrl, dataDir, admin: { email, password }, password: secrets.demoPassword })
      : undefined
  process.stdout.write(
    banner({
      url,
      internalUrl: `http://${settings.internalHost}:${settings.internalPort}`,
      dataDir,
      seconds,
      logins: demo?.logins ?? [{ role: 'admin', email, password }],
      quote: demo?.quote,
      databases: mariadb ? `127.0.0.1:${mariadb.port} (private MariaDB, ${mariadb.pid})` : 'as the environment names them',
      redis: redis ? `127.0.0.1:${redis.port} (private Redis, ${redis.pid})` : 'as the environment names it',
      processes: started.api?.describe?.(),
    }),
  )
  started.api?.showLog()
}

interface Launch {
  program: readonly string[]
  environment: Readonly<Record<string, string | undefined>>
  firstEnvironment: Readonly<Record<string, string | undefined>>
}

const write = (line: string): void => void process.stdout.write(`${line}\n`)

async function startOne({ program, environment, firstEnvironment }: Launch): Promise<void> {
  const api = launchApi({ args: program, environment: { ...environment, ...firstEnvironment }, write })
  started.api = { ...api, pids: [api.pid] }
  guardWhatRuns()
  await api.ready
  void api.ended.then(({ code, signal }) => {
    if (stopping) return
    process.stderr.write(`The API ended by itself (${signal ?? `exit code ${code}`}); stopping the rest.\n`)
    void stop(1)
  })
}

/** Loaded only when it is asked for, and before anything is started: a wrong name or a missing program is said at once. */
async function chosenTopology(name: string, { watch }: Options, installation: Parameters<typeof requireBalancer>[0]) {
  const { requireTopology } = await import('./start/topologies.ts')
  const kinds = requireTopology(name)
  if (watch) {
    throw new Failure({
      what: '--watch and --topology do not go together.',
      why: 'Processes that all start again at every change leave none that serves.',
      mend: `npm run dev, or npm start -- --topology ${name}`,
    })
  }
  return { kinds, haproxy: requireBalancer(installation) }
}

async function startTopology(
  wanted: Omit<Parameters<typeof import('./start/balanced.ts').startBalanced>[0], 'say' | 'write' | 'changed' | 'lost'>,
) {
  const { startBalanced } = await import('./start/balanced.ts')
  const api = await startBalanced({ ...wanted, say: progress.say, write, changed: guardWhatRuns, lost: () => void stop(1) })
  started.api = api
  guardWhatRuns()
  await api.ready
}

/** Loaded only here: a start without demo data does without it. */
async function demonstrate(facts: { baseUrl: string; dataDir: string; admin: { email: string; password: string }; password: string }) {
  const { demoData, demoQuote, hasDemoData } = await import('./start/demo.ts')
  const fill = (say: (step: string) => void) => demoData({ ...facts, say })
  const logins = hasDemoData(facts.dataDir) ? await fill(() => {}) : await progress.step('demo data', fill)
  return { logins, quote: await demoQuote(facts.baseUrl, logins) }
}

async function bundledProgram(): Promise<string> {
  const { bundle, bundleFile } = await import('./bundle.ts')
  await bundle({ onBuild: (build) => progress.step('bundle', build) })
  return bundleFile
}

function describeServers({ mariadb, redis }: EmbeddedServers): string {
  return [mariadb && `MariaDB on ${mariadb.port}`, redis && `Redis on ${redis.port}`].filter(Boolean).join(', ')
}

/** Should this process be killed, the API is ended first here too. */
function guardWhatRuns(): void {
  const { servers, api } = started
  guard.watch([...(api?.pids ?? []), servers.redis?.pid, servers.mariadb?.pid].filter((pid) => pid !== undefined).filter((pid) => pid > 0))
}

/** The API drains while its servers still answer, then they end. */
function stop(exitCode: number): Promise<void> {
  stopping ??= (async () => {
    await started.api?.stop()
    await Promise.all([started.servers.redis?.stop(), started.servers.mariadb?.stop()])
    guard.dismiss()
    started.release?.()
    process.exit(exitCode)
  })()
  return stopping
}

/** npm and the terminal both send Ctrl-C: within one second it is the same wish. A second one does not wait for the API. */
function heedSignals(): void {
  let first: number | undefined
  const heed = (): void => {
    const now = performance.now()
    if (first !== undefined && now - first > 1_000) started.api?.kill()
    if (first !== undefined) return
    first = now
    process.stderr.write('\nStopping: the API answers what it has begun, then the servers end.\n')
    void stop(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, heed)
  // Started by another Node, which was killed.
  process.once('disconnect', heed)
  // The terminal may be gone while we still have something to say.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

const { values } = parseArgs({
  options: {
    topology: { type: 'string' },
    watch: { type: 'boolean' },
    install: { type: 'boolean' },
    'no-install': { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(usage)
  guard.dismiss()
} else {
  heedSignals()
  try {
    await start({
      topology: values.topology,
      watch: values.watch ?? false,
      install: values.install ?? false,
      noInstall: values['no-install'] ?? false,
    })
  } catch (error) {
    if (!stopping) {
      process.stderr.write(
        `\n${error instanceof Failure ? describeFailure(error) : error instanceof Error ? error.stack : String(error)}\n`,
      )
      await stop(1)
    }
  }
}
