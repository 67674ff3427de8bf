import ipaddr from 'ipaddr.js'

/** A CIDR block, or a single address as a block of one. */
export interface Network {
  contains(address: string): boolean
}

/** `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`; undefined when it is none of these. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const base = parseAddress(slash === -1 ? text : text.slice(0, slash))
  if (base === undefined) return undefined
  const bits = base.kind() === 'ipv4' ? 32 : 128
  const prefixText = slash === -1 ? String(bits) : text.slice(slash + 1)
  const prefix = Number(prefixText)
  if (!/^\d{1,3}$/.test(prefixText) || prefix > bits) return undefined
  return {
    contains(address) {
      const parsed = parseAddress(address)
      return parsed !== undefined && parsed.kind() === base.kind() && parsed.match(base, prefix)
    },
  }
}

/** The longest textual address: IPv6 with an embedded IPv4 and a zone. */
const addressCharsMax = 64

/** An address that a log wrote, IPv4 in IPv6 clothes (`::ffff:10.0.0.1`) as the IPv4 that it is. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (text.length > addressCharsMax) return undefined
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return undefined
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}
