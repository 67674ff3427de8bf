import ipaddr from 'ipaddr.js'

/**
 * One text for one address, however a producer wrote it: `203.0.113.9:22`, `[2001:db8::1]:443`,
 * `::ffff:203.0.113.9`, upper case, zone ids. Addresses become attacker ids, so two spellings would
 * be two attackers.
 */

/** The longest IPv6 text with brackets, zone and port is under 80 characters. */
const addressCharsMax = 96
/** Addresses repeat: a stream of attacks comes from few sources. */
const cacheMax = 4_096
const cache = new Map<string, string>()

/** The canonical address, or '' if `text` is not an IP address. */
export function canonicalAddress(text: string): string {
  const known = cache.get(text)
  if (known !== undefined) return known
  if (text.length > addressCharsMax) return ''
  const canonical = canonicalOf(text.trim())
  if (cache.size >= cacheMax) cache.clear()
  cache.set(text, canonical)
  return canonical
}

function canonicalOf(text: string): string {
  const bare = withoutPort(text)
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare).toString()
  const percent = bare.indexOf('%')
  const address = percent === -1 ? bare : bare.slice(0, percent)
  if (!address.includes(':') || !ipaddr.IPv6.isValid(address)) return ''
  const six = ipaddr.IPv6.parse(address)
  return six.isIPv4MappedAddress() ? six.toIPv4Address().toString() : six.toRFC5952String()
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    const rest = text.slice(close + 1)
    return close === -1 || !/^(?::\d{1,5})?$/.test(rest) ? '' : text.slice(1, close)
  }
  const colon = text.indexOf(':')
  const isHostAndPort = colon !== -1 && text.indexOf(':', colon + 1) === -1
  return isHostAndPort && /^\d{1,5}$/.test(text.slice(colon + 1)) ? text.slice(0, colon) : text
}
