import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeServiceKeys } from './service-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-describe-'))
writeServiceKeys(join(folder, 'keys'), { back: ['customer', 'carrier'], front: ['auth', 'user', 'pricing'] })

function topology(command: string, environment: Record<string, string>): { code: number | null; out: string; err: string } {
  const file = join(folder, 'process.env')
  writeFileSync(
    file,
    Object.entries(environment)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/topology.ts', command, file], { encoding: 'utf8', env: {} })
  return { code: status, out: stdout, err: stderr }
}

const back = {
  MODULES: 'customer,carrier',
  PEERS: 'auth=http://a:7400|http://b:7400,user=http://a:7400',
  PROCESS_NAME: 'back',
  BULKHEAD_DATA_DIR: folder,
  CUSTOMER_DB_HOST: 'db',
  CARRIER_DB_HOST: 'db',
  REDIS_HOST: 'redis',
}

describe('npm run topology', () => {
  it('TP-03: describe says what the process hosts, calls, hears and needs, from a file alone', () => {
    const { code, out } = topology('describe', back)

    expect(code).toBe(0)
    expect(out).toContain('process back\n  hosts customer, carrier\n')
    expect(out).toMatch(/customer → user +http:\/\/a:7400\n/)
    expect(out).toMatch(/platform → auth +http:\/\/a:7400 \| http:\/\/b:7400\n/)
    expect(out).toMatch(/customer\.\w+ ← user\.created@1 +stream/)
    expect(out).toContain('CARRIER_DB_PASSWORD')
    expect(out).not.toContain('SHARED_DB')
  })

  it('TP-03: validate lists all that is wrong, and ends with 1', () => {
    expect(topology('validate', back)).toMatchObject({ code: 0, out: expect.stringContaining('customer, carrier would start') })

    const { code, err } = topology('validate', { ...back, PEERS: 'auth=http://a:7400', CARRIER_DB_HOST: '' })

    expect(code).toBe(1)
    expect(err).toContain('PEERS does not say where user is, and customer and carrier need it')
    expect(err).toContain('CARRIER_DB_HOST is missing')
  })

  it('redis prints the command that makes the account of the process, without its password', () => {
    const { code, out } = topology('redis', { ...back, REDIS_USERNAME: 'back', REDIS_PASSWORD: 'eleven-brass-bells' })

    expect(code).toBe(0)
    expect(out).toMatch(/^ACL SETUSER back reset on #[0-9a-f]{64} ~bulkhead:customer:\* ~bulkhead:carrier:\* .+\n$/)
    expect(out).toContain(' %R~bulkhead:ev:{shared_user:* ')
    expect(out).not.toContain('eleven-brass-bells')
  })
})
