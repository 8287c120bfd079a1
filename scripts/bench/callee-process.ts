import { createExchange } from '../../src/platform/exchange.ts'
import { createHealth } from '../../src/platform/health.ts'
import { createInternal } from '../../src/platform/internal.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import type { ModuleName } from '../../src/platform/module-table.ts'
import type { ServiceIdentity } from '../../src/platform/service-keys.ts'
import { lendOut, silentLog } from './neighbours.ts'

/** A process that hosts neighbours of pricing for the benchmark of calls, behind the internal listener that production has. */
export interface CalleeTask {
  service: ServiceIdentity
  modules: readonly ModuleName[]
}

/** `url` once, when it serves; then, whenever it is asked, the processor time it has used, in µs. */
export type CalleeReport = { url: string } | { cpu: number }

const { service, modules }: CalleeTask = JSON.parse(process.argv[2] ?? '')
const say = (report: CalleeReport): void => void process.send?.(report)

const config = { transport: 'local', modules, peers: {}, service } as const
const metrics = createMetrics({ process: false })
const exchange = createExchange({ config, metrics, log: silentLog })
lendOut(exchange, modules)
const health = createHealth({ log: silentLog, modules })
health.started()
const internal = createInternal({ health, contracts: exchange.server, metrics, log: silentLog })
const { host, port } = await internal.listen({ host: '127.0.0.1', port: 0 })
say({ url: `http://${host}:${port}` })

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  say({ cpu: user + system })
})
process.once('disconnect', () => process.exit(0))
