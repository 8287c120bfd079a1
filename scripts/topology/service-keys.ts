import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What each process hosts, by its name. */
export type Layout = Readonly<Record<string, readonly string[]>>

/**
 * Writes `<name>.pem` for each process and `processes.json` for all of them. A private key that is there stays, so that a layout
 * can be changed without telling anybody a new key; delete the file to renew it.
 */
export function writeServiceKeys(folder: string, layout: Layout): { made: string[]; kept: string[] } {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const made: string[] = []
  const kept: string[] = []
  const processes = Object.entries(layout).map(([name, modules]) => {
    const file = join(folder, `${name}.pem`)
    if (existsSync(file)) kept.push(name)
    else {
      const { privateKey } = generateKeyPairSync('ed25519')
      writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
      made.push(name)
    }
    const publicKey = createPublicKey(createPrivateKey(readFileSync(file))).export({ type: 'spki', format: 'pem' })
    return [name, { modules, publicKey }]
  })
  writeFileSync(join(folder, 'processes.json'), `${JSON.stringify(Object.fromEntries(processes), null, 2)}\n`)
  return { made, kept }
}
