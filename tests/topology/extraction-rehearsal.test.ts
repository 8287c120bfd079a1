import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Config, loadConfig } from '#platform/config.ts'
import { moduleNames } from '#platform/module-table.ts'
import { bareEnvironment } from '#support/bare-environment.ts'
import { haproxyConfig } from '../../scripts/servers/haproxy.ts'
import { writeProcessFiles } from '../../scripts/start/process-files.ts'
import { processSettings } from '../../scripts/start/process-settings.ts'
import { planProcesses, requireTopology } from '../../scripts/start/topologies.ts'
import { commandsOfPage, openTerminal, type Terminal } from './extraction-page.ts'

/**
 * Stands for the running start, its processes and the balancer; files are changed, checked and described by the real commands. What
 * holds for one of three like processes is not asked of the others, to be quick.
 */
const rehearsal = `
kill() { case $1 in
  -0) return 1 ;;
  -TERM) for file in "$BULKHEAD_DATA_DIR"/processes/*.pid; do if [ "$(cat "$file")" = "$2" ]; then echo "$(($2 + 100))" > "$file"; fi; done ;;
  *) echo "signal $*" ;;
esac; }
pgrep() { echo 1; }
curl() { echo "asked $*"; }
npm() { case "$*" in (*demo | *api-[23].env) ;; (*) command node "scripts/$3.ts" "\${@:5}" ;; esac; }
mv() { command mv "$@"; echo 1 > "$BULKHEAD_DATA_DIR/processes/pricing.pid"; }
rm() { command rm "$@" "$BULKHEAD_DATA_DIR/processes/pricing.pid"; }
`

describe('docs/extraction.md, rehearsed', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-rehearsal-'))
  const processes = join(folder, 'processes')
  const { start, steps } = commandsOfPage()
  const [settle = '', keys = '', write = '', begin = '', route = '', leave = '', , comeBack = '', routeBack = '', end = ''] = steps
  let terminal: Terminal

  beforeAll(async () => {
    const house = Object.fromEntries(
      ['SHARED', 'CUSTOMER', 'CARRIER', 'PRICING'].flatMap((name) => [
        [`${name}_DB_HOST`, 'db'],
        [`${name}_DB_PASSWORD`, name],
      ]),
    )
    const environment = { ...house, REDIS_HOST: 'redis', AUTH_SECRET: 'x'.repeat(32), BULKHEAD_DATA_DIR: folder }
    const plan = await planProcesses(requireTopology('replicas3'), { port: 3000, internalPort: 7400 })
    const around = { plan, environment, publicUrl: 'http://127.0.0.1:3000', keys: join(folder, 'keys') }
    const files = writeProcessFiles(processes, Object.fromEntries(plan.map((one) => [one.name, processSettings(one, around)])))
    for (const [index, { name }] of plan.entries()) files.mark(name, index + 1)
    mkdirSync(join(folder, 'haproxy'))
    const backends = [{ name: 'api', modules: moduleNames, upstreams: plan }]
    writeFileSync(
      join(folder, 'haproxy/haproxy.cfg'),
      haproxyConfig({ host: '127.0.0.1', port: 3000, publicUrl: 'http://127.0.0.1:3000', backends }),
    )
    writeFileSync(join(folder, 'haproxy/haproxy.pid'), '4711\n')
    const path = `${dirname(process.execPath)}:${process.env.PATH}`
    terminal = openTerminal({
      ...bareEnvironment,
      PATH: path,
      BULKHEAD_DATA_DIR: folder,
      PRICING_PORT: '3999',
      PRICING_INTERNAL_PORT: '7999',
    })
    await terminal.run(rehearsal)
  })
  afterAll(async () => {
    await terminal.close()
    rmSync(folder, { recursive: true })
  })

  const configOf = (name: string): Config => loadConfig(parseEnv(readFileSync(join(processes, `${name}.env`), 'utf8')))
  const pids = (): string[] => ['api-1', 'api-2', 'api-3'].map((name) => readFileSync(join(processes, `${name}.pid`), 'utf8').trim())
  const balancer = (): string => readFileSync(join(folder, 'haproxy/haproxy.cfg'), 'utf8')
  const granted = (): unknown => {
    const listed: Record<string, { modules: string[] }> = JSON.parse(readFileSync(join(folder, 'keys/processes.json'), 'utf8'))
    return Object.fromEntries(Object.entries(listed).map(([name, { modules }]) => [name, modules.join(' ')]))
  }

  it('begins with the layout whose files it changes', () => {
    expect(start).toBe('npm start -- --topology replicas3')
    expect(steps).toHaveLength(10)
  })

  it('lets the house be called before anything leaves it', async () => {
    await terminal.run(settle)
    const said = await terminal.run(keys)

    expect(said.match(/would start/g)).toHaveLength(1)
    expect(configOf('api-2')).toMatchObject({ modules: moduleNames, service: { name: 'api' } })
    expect(pids()).toEqual(['101', '102', '103'])
  })

  it('writes the settings of a process that knows its own database and its neighbours, and no other secret', async () => {
    const described = await terminal.run(write)
    const said = await terminal.run(begin)

    const config = configOf('pricing')
    const everybody = ['http://127.0.0.1:7400', 'http://127.0.0.1:7401', 'http://127.0.0.1:7402']
    expect(described).toContain('pricing.closed_customers ← customer.status_changed@1  stream')
    expect(config).toMatchObject({ modules: ['pricing'], port: 3999, internalPort: 7999, replicas: 1, service: { name: 'pricing' } })
    expect(config.peers).toEqual({ auth: everybody, user: everybody, customer: everybody, carrier: everybody })
    expect(readFileSync(join(processes, 'pricing.env'), 'utf8')).not.toMatch(/(SHARED|CUSTOMER|CARRIER)_DB|AUTH_/)
    expect(said).toContain('asked -fsS http://127.0.0.1:7999/health/ready?module=pricing')
  })

  it('changes one line of the balancer and takes the module and its database out of the house', async () => {
    const before = balancer()
    const said = await terminal.run(route)
    await terminal.run(leave)

    expect(said).toContain('signal -USR2 4711')
    expect(
      balancer()
        .split('\n')
        .filter((line) => !before.includes(line)),
    ).toEqual(['  use_backend pricing if of_pricing', 'backend pricing', '  server pricing 127.0.0.1:3999 port 7999'])
    const { modules, peers, databases } = configOf('api-3')
    expect(modules).toEqual(['auth', 'user', 'customer', 'carrier'])
    expect(peers).toEqual({ pricing: ['http://127.0.0.1:7999'] })
    expect(Object.keys(databases)).not.toContain('pricing_service_db')
    expect(granted()).toEqual({ api: 'auth user customer carrier', pricing: 'pricing' })
    expect(pids()).toEqual(['201', '202', '203'])
  })

  it('puts everything back where it was', async () => {
    await terminal.run(comeBack)
    const said = await terminal.run(routeBack)
    await terminal.run(end)

    expect(configOf('api-1')).toMatchObject({ modules: moduleNames, peers: {} })
    expect(granted()).toEqual({ api: moduleNames.join(' '), pricing: 'pricing' })
    expect(said).toContain('signal -USR2 4711')
    expect(balancer()).toContain('use_backend api if of_pricing')
    expect(balancer()).not.toContain('backend pricing')
    expect(pids()).toEqual(['301', '302', '303'])
    expect(() => configOf('pricing')).toThrow('ENOENT')
  })
})
