import { closeSync, openSync, readSync } from 'node:fs'

const chunkBytes = 1 << 20

/** Calls `take` with each line of a file, as a view that is good until it returns. How many there were. */
export function eachLine(file: string, take: (line: Buffer) => void): number {
  const descriptor = openSync(file, 'r')
  let buffer = Buffer.allocUnsafe(chunkBytes)
  let filled = 0
  let lines = 0
  for (;;) {
    const read = readSync(descriptor, buffer, filled, buffer.length - filled, null)
    if (read === 0) break
    filled += read
    let start = 0
    for (
      let end = buffer.indexOf(10);
      end !== -1 && end < filled;
      end = buffer.indexOf(10, start)
    ) {
      take(buffer.subarray(start, end))
      lines += 1
      start = end + 1
    }
    buffer.copyWithin(0, start, filled)
    filled -= start
    if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2)
  }
  closeSync(descriptor)
  return lines
}
