/** A broker takes about a megabyte in one batch, unless it is told otherwise. */
const sendBytesMax = 700_000
/** Of a record besides its value, at most about. */
const recordBytes = 64

/** Lines in their order, as many at once as one produce call may hold; a longer line goes alone. */
export function* portions(lines: readonly string[]): Generator<readonly string[]> {
  let portion: string[] = []
  let bytes = 0
  for (const line of lines) {
    const size = Buffer.byteLength(line) + recordBytes
    if (portion.length > 0 && bytes + size > sendBytesMax) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(line)
    bytes += size
  }
  if (portion.length > 0) yield portion
}
