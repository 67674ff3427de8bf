/**
 * Log4j lookups resolved as far as their text alone allows: `${lower:J}` is `j`, `${::-n}`,
 * `${env:NOPE:-n}` and `${sys:x:-n}` are `n`. `${jndi:…}` and what cannot be known stay.
 *
 *     lookup := '${' body '}'        body := ( text | lookup )*
 *     body   := prefix ':' key [ ':-' default ]
 */

const depthMax = 64

/** One pass, innermost first: linear in the text's length. */
export function resolveLookups(text: string): string {
  if (!text.includes('${')) return text
  const open: string[] = []
  let current = ''
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    if (char === '$' && text.charAt(at + 1) === '{' && open.length < depthMax) {
      open.push(current)
      current = ''
      at += 2
    } else if (char === '}' && open.length > 0) {
      current = (open.pop() ?? '') + resolve(current)
      at++
    } else {
      current += char
      at++
    }
  }
  while (open.length > 0) current = `${open.pop() ?? ''}\${${current}`
  return current
}

function resolve(body: string): string {
  const colon = body.indexOf(':')
  const prefix = body.slice(0, Math.max(0, colon)).toLowerCase()
  const key = body.slice(colon + 1)
  if (colon === -1 || prefix === 'jndi') return `\${${body}}`
  if (prefix === 'lower') return key.toLowerCase()
  if (prefix === 'upper') return key.toUpperCase()
  if (prefix === 'base64') return Buffer.from(key, 'base64').toString('latin1')
  const fallback = body.indexOf(':-')
  if (fallback !== -1) return body.slice(fallback + 2)
  // `${date:'j'}` writes its quoted letters.
  if (prefix === 'date' && /^'[^']*'$/.test(key)) return key.slice(1, -1)
  return `\${${body}}`
}
