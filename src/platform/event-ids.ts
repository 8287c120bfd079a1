import { randomFillSync } from 'node:crypto'

/** Random bytes are drawn from the system in blocks: one call per id costs more than the id. */
const block = Buffer.alloc(4_000)
const perId = 10
let used = block.length

/** UUIDv7: 48 bits of milliseconds, then 74 random bits, so that ids of all processes differ and sort roughly by time. */
export function createEventId(now: number = Date.now()): string {
  if (used === block.length) {
    randomFillSync(block)
    used = 0
  }
  const time = now.toString(16).padStart(12, '0')
  const random = block.toString('hex', used, used + perId)
  used += perId
  const variant = '89ab'[Number.parseInt(random.charAt(3), 16) & 3] ?? '8'
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`
}
