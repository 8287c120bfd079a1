import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** What AUTH_SECRET keeps besides refresh tokens: sealed private keys and the names under which attempts are counted. */
export interface Sealing {
  /** AES-256-GCM; `label` is bound to the result, so that one sealed thing cannot be put in another's place. */
  seal(text: string, label: string): Buffer
  /** Undefined when neither secret opens it. `stale`: it was sealed with the previous secret. */
  unseal(sealed: Buffer, label: string): { text: string; stale: boolean } | undefined
  /** A stable name for something that must not be readable where it is stored. */
  pseudonym(purpose: 'address' | 'origin', text: string): Buffer
}

const nonceLength = 12
const tagLength = 16

export function createSealing({ secret, secretPrevious }: { secret: string; secretPrevious?: string | undefined }): Sealing {
  const key = derive(secret, 'bulkhead/seal/1')
  const previousKey = secretPrevious === undefined ? undefined : derive(secretPrevious, 'bulkhead/seal/1')
  const nameKey = derive(secret, 'bulkhead/pseudonym/1')

  return {
    seal(text, label) {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength }).setAAD(Buffer.from(label))
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    },

    unseal(sealed, label) {
      const text = open(key, sealed, label)
      if (text !== undefined) return { text, stale: false }
      const older = previousKey && open(previousKey, sealed, label)
      return older === undefined ? undefined : { text: older, stale: true }
    },

    pseudonym: (purpose, text) => createHmac('sha256', nameKey).update(`${purpose}\n${text}`).digest(),
  }
}

const derive = (secret: string, info: string): Buffer => Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, 32))

function open(key: Buffer, sealed: Buffer, label: string): string | undefined {
  if (sealed.length < nonceLength + tagLength) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceLength), { authTagLength: tagLength })
  decipher.setAAD(Buffer.from(label)).setAuthTag(sealed.subarray(-tagLength))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength, -tagLength)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
