import { expect, test } from 'vitest'
import { ipBytes, ipText, networkOf } from './ip-addresses.ts'

test.each([
  ['127.0.0.1', '7f000001', '127.0.0.1'],
  ['::ffff:10.1.2.3', '0a010203', '10.1.2.3'],
  ['::1', '00000000000000000000000000000001', '::1'],
  ['2001:DB8::a', '20010db800000000000000000000000a', '2001:db8::a'],
  ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6'],
  ['fe80::1%eth0', 'fe800000000000000000000000000001', 'fe80::1'],
  ['::', '00000000000000000000000000000000', '::'],
])('%s is kept as %s and shown as %s', (text, hex, shown) => {
  const bytes = ipBytes(text)

  expect(bytes?.toString('hex')).toBe(hex)
  expect(bytes && ipText(bytes)).toBe(shown)
})

test.each(['', 'localhost', '1.2.3', '256.1.1.1', '1:2', '1::2::3', ':::', 'g::1', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8'])(
  '%j is no address',
  (text) => {
    expect(ipBytes(text)).toBeNull()
  },
)

test('a network is the first 24 bits of the old addresses and the first 64 of the new', () => {
  const network = (text: string) => networkOf(ipBytes(text) ?? Buffer.alloc(0)).toString('hex')

  expect(network('192.0.2.7')).toBe(network('192.0.2.250'))
  expect(network('192.0.2.7')).not.toBe(network('192.0.3.7'))
  expect(network('2001:db8:1:2::7')).toBe(network('2001:db8:1:2:ffff::1'))
  expect(network('2001:db8:1:2::7')).not.toBe(network('2001:db8:1:3::7'))
})
