import { crc32 } from 'node:zlib'

/**
 * One line of a file that a crash may have torn: `crc32 of the JSON as 8 hex digits, space, JSON`.
 * A line that was not written whole does not decode.
 */
export function encodeLine(value: unknown): string {
  const json = JSON.stringify(value)
  return `${checksum(json)} ${json}\n`
}

/** The value of a line without its newline; null where it is torn or was altered. */
export function decodeLine(line: string): { readonly value: unknown } | null {
  const json = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return null
  return { value: JSON.parse(json) }
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0')
}
