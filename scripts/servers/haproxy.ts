import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ModuleName, moduleNames, moduleTable } from '../../src/platform/module-table.ts'
import { problemMediaType, problemSlug, problemTitle } from '../../src/platform/problems.ts'
import { Failure } from './failure.ts'
import { accepts } from './ports.ts'
import { endLeftover, heeds, launch, type PrivateProcess, until } from './processes.ts'

/** A process behind the balancer: where it serves, and the internal listener that says whether it takes requests. */
export interface Upstream {
  name: string
  port: number
  internalPort: number
}

/** Processes that host the same modules. */
export interface Backend {
  name: string
  modules: readonly ModuleName[]
  upstreams: readonly Upstream[]
}

interface HaproxyOptions {
  binary: string
  folder: string
  host: string
  port: number
  /** Where problems are explained: the beginning of their `type`. */
  publicUrl: string
  /** Requests to addresses of no module go to the one with auth, which hosts most of what people see first. */
  backends: readonly Backend[]
}

export interface Haproxy extends PrivateProcess {
  /** Accepts no more connections and ends once those it has are answered. */
  leave(): void
}

/** What a process asks of a balancer: how often it looks, and after how many bad answers it sends nothing more. */
const check = { everyMs: 300, fall: 2 } as const

/** How long a process that leaves has to serve on: until the balancer has noticed, and what it sent before has arrived. */
export const leavingMs = check.fall * check.everyMs + 900

/**
 * Starts a private HAProxy and returns when it accepts connections. Ends one that an earlier, killed run left in the folder. It is a
 * master with a worker: on SIGUSR2 the master reads its settings again and has a new worker take over, as the system's own service does.
 */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const { binary, folder, host, port } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pidFile = join(folder, 'server.json')
  const logFile = join(folder, 'haproxy.log')
  const configFile = join(folder, 'haproxy.cfg')
  await endLeftover(pidFile)
  writeFileSync(configFile, haproxyConfig(options))
  const server = launch({ command: binary, args: ['-W', '-db', '-f', configFile], pidFile, logFile, cwd: folder })
  // The worker takes requests before the master heeds signals; those that come earlier are lost.
  const isUp = async (): Promise<boolean> => heeds(server.pid, 'SIGUSR2') && (await accepts(port, reachable(host)))
  const listens = await until(async () => server.hasEnded() || (await isUp()), 10_000)
  if (!listens || server.hasEnded()) {
    await server.kill()
    throw new Failure({
      what: `HAProxy did not start on ${host}:${port}.`,
      why: readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join('\n        ') || 'it said nothing',
      mend: `look into ${logFile}; a taken port or a HAProxy before 2.6 are the usual causes`,
    })
  }
  return {
    ...server,
    leave: () => {
      // One that has ended by itself is told nothing: whoever ends the rest because of it goes on.
      if (!server.hasEnded()) process.kill(server.pid, 'SIGUSR1')
    },
  }
}

/** Where one who listens everywhere can be reached. */
const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host)

/** The balancer's settings: one address before several processes that may come and go. */
export function haproxyConfig({ host, port, publicUrl, backends }: Omit<HaproxyOptions, 'binary' | 'folder'>): string {
  return `# Written at every start. Changes hold until then: check them with haproxy -c -f, then send SIGUSR2 to the process in haproxy.pid.
global
  maxconn 2000
  hard-stop-after 30s
  pidfile haproxy.pid

defaults
  mode http
  timeout connect 500ms
  timeout client 30s
  timeout server 30s
  timeout queue 5s
  timeout http-request 10s
  # Below the 65 s of the processes: the one who may send must be the first to hang up.
  timeout http-keep-alive 60s
  # After a change of these settings the worker before hangs up with an answer, not on who is about to ask.
  option idle-close-on-response
  balance leastconn
  http-reuse safe
  # A connection that was refused is tried elsewhere. A request that went out is repeated only when reading twice is reading once.
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response response-timeout 503
  option httpchk GET /health/ready
  default-server check inter ${check.everyMs}ms fall ${check.fall} rise 1 slowstart 2s maxconn 256
${problems(publicUrl)}

frontend public
  bind ${host.includes(':') ? `[${host}]` : host}:${port}
  # One id for the request in every log, also when no process answers.
  http-request set-header X-Request-Id %[uuid] unless { req.hdr(X-Request-Id) -m reg ^[A-Za-z0-9._-]{8,64}$ }
  http-request set-var(txn.id) req.hdr(X-Request-Id)
  http-request set-var(txn.path) path
  # Who asks is seen here; what the request says of itself is not believed.
  http-request set-header X-Forwarded-For %[src]
  http-request del-header X-Forwarded-Host
  http-request del-header X-Forwarded-Proto
  http-request disable-l7-retry unless METH_GET
  # The patience of a process with the balancer is not that of the balancer with the client.
  http-response del-header Keep-Alive
  # Which module an address belongs to, and where that is hosted.
${routes(backends)}
${backends.map(backend).join('')}`
}

/** As `moduleOfPath` tells them: an address itself, and all that is below it. Escapes count as what they stand for, as in the processes. */
function routes(backends: readonly Backend[]): string {
  const hostOf = (module: ModuleName): string => {
    const found = backends.find(({ modules }) => modules.includes(module))
    if (!found) throw new TypeError(`no backend hosts ${module}`)
    return found.name
  }
  const lines = moduleNames.flatMap((module) => {
    const { paths } = moduleTable[module]
    return [
      `acl of_${module} path,url_dec ${paths.join(' ')}`,
      `acl of_${module} path,url_dec -m beg ${paths.map((path) => `${path}/`).join(' ')}`,
      `use_backend ${hostOf(module)} if of_${module}`,
    ]
  })
  return [...lines, `default_backend ${hostOf('auth')}`].map((line) => `  ${line}`).join('\n')
}

function backend({ name, upstreams }: Backend): string {
  const servers = upstreams.map((one) => `  server ${one.name} 127.0.0.1:${one.port} port ${one.internalPort}\n`)
  return `\nbackend ${name}\n${servers.join('')}`
}

/** The balancer's own answers have the form of all others. */
function problems(publicUrl: string): string {
  const answers = [
    {
      status: 502,
      code: 'DEPENDENCY_UNAVAILABLE',
      detail: 'The process ended before it answered. Repeat the request with its Idempotency-Key.',
    },
    { status: 503, code: 'NOT_READY', detail: 'No process takes requests at the moment. Repeat the request later.' },
    { status: 504, code: 'DEADLINE_EXCEEDED', detail: 'No process answered in time. Repeat the request with its Idempotency-Key.' },
  ]
  return answers.map(({ status, code, detail }) => `  ${problem(publicUrl, status, code, detail)}`).join('\n')
}

function problem(publicUrl: string, status: number, code: string, detail: string): string {
  const fixed = JSON.stringify({ type: `${publicUrl}/problems/${problemSlug(code)}`, title: problemTitle(code), status, code, detail })
  // What follows a percent sign would be read as a variable.
  const body = `${fixed.slice(0, -1).replaceAll('%', '%%')},"instance":"%[var(txn.path),json(utf8s)]","requestId":"%[var(txn.id)]"}`
  const headers = `${status === 503 ? 'hdr retry-after 1 ' : ''}hdr cache-control no-store hdr x-request-id "%[var(txn.id)]"`
  return `http-error status ${status} content-type "${problemMediaType}" lf-string '${body}' ${headers}`
}
