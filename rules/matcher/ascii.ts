/** Lower-casing maps ASCII to ASCII unit by unit, whatever stands beside it; nothing else is so tame. */

export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

/** The pieces of `text` between characters beyond ASCII. */
export function asciiRuns(text: string): string[] {
  return text.split(beyondAscii).filter((run) => run !== '')
}

const beyondAscii = /[^\0-\x7f]+/

/** Characters above U+00FF do not fit in a scan buffer's byte. */
export function hasWide(text: string): boolean {
  return beyondLatin1.test(text)
}

const beyondLatin1 = /[^\0-\xff]/

/** A to Z as a to z, anything else as itself. */
export const foldByte = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)

/** The low byte of each character, folded: that of one beyond ASCII may look like a capital. */
export function foldedBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1').map((byte) => foldByte[byte] ?? 0)
}
