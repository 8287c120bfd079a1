/** Addresses of callers as bytes, for a column that holds both families, and as the network somebody can choose addresses from. */

/** 4 or 16 bytes; null when the text is no address. An IPv4 address inside IPv6 is the IPv4 address. */
export function ipBytes(text: string): Buffer | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1] ?? text
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(mapped)) {
    const parts = mapped.split('.').map(Number)
    return parts.every((part) => part <= 255) ? Buffer.from(parts) : null
  }
  const groups = groupsOf(mapped.split('%')[0] ?? '')
  return groups && Buffer.from(groups.flatMap((group) => [group >> 8, group & 255]))
}

export function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')
  return new URL(`http://[${groups}]`).hostname.slice(1, -1)
}

/** The /24 or /64 of an address. */
export function networkOf(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length === 4 ? 3 : 8)
}

function groupsOf(text: string): number[] | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups.map((group) => Number.parseInt(group, 16)) : null
}
