import { domainToASCII } from 'node:url'

/**
 * The one form in which an e-mail address is stored and compared: NFC, all lower case, domain in ASCII, no white space, at most
 * 254 characters. Undefined when the text is no address. Columns hold it under a binary collation, because the servers' default
 * collation takes `josé@` and `jose@` for the same address.
 */
export function normaliseEmail(text: string): string | undefined {
  const address = text.normalize('NFC').toLowerCase().normalize('NFC')
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  if (at < 1 || !localPart.test(local)) return undefined
  const domain = asciiDomain(address.slice(at + 1))
  if (domain === undefined) return undefined
  const whole = `${local}@${domain}`
  return whole.length <= 254 && Buffer.byteLength(local) <= 64 ? whole : undefined
}

// Atoms of RFC 5321 with the letters of RFC 6531, joined by single dots. Quoted local parts are left out: nobody has one.
const localPart = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u

// At least two labels; the last one is no number, or an IP address would pass for a name.
const hostName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function asciiDomain(text: string): string | undefined {
  // domainToASCII takes what a URL takes: percent escapes and characters that it maps away would make two texts one address.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(text)) return undefined
  const domain = domainToASCII(text)
  return hostName.test(domain) ? domain : undefined
}
