import { gramAt, type Placement, type Sampling } from './gram-sampling.ts'

/**
 * The escapes by which JSON can hide ASCII from a scan of its bytes: `\u0020` to `\u007f`, and the two
 * letters beyond ASCII whose lower case is ASCII (U+212A is k, U+0130 begins with i). Six bytes are
 * too few for a window of every sampling, so each way in which a probed gram can meet an escape is
 * entered by itself, from one byte before it on:
 *
 *     "…x\u0061…"     size 4, step 4: one of   x\u0   \u00   u006   0061   begins at a probed byte
 *
 * Only the part up to the gram's end is verified: a sign means that there may be such an escape.
 */
export function escapeSigns(sampling: Sampling, id: number): Placement[] {
  const { size, step } = sampling
  const first = step === 4 ? -1 : 0
  const signs = new Map<string, Placement>()
  for (const hiding of hidingEscapes) {
    for (let offset = first; offset < first + step; offset += 1) {
      const text = hiding.slice(0, offset + size)
      for (const probed of offset < 0 ? preceded(text) : [text.slice(offset)]) {
        const gram = gramAt(probed, 0, size)
        signs.set(`${gram} ${text}`, { gram, literal: { text, id }, offset })
      }
    }
  }
  return [...signs.values()]
}

/** The samplings of which every probe that meets an escape can be listed. */
export function canHaveSigns({ step }: Sampling): boolean {
  return step <= 4
}

const hex = [...'0123456789abcdef']
const asciiStarts = [...'234567'].map((high) => `\\u00${high}`)
const foldingLetters = ['\\u212a', '\\u0130']
const hidingEscapes = [
  ...asciiStarts.flatMap((start) => hex.map((low) => `${start}${low}`)),
  ...foldingLetters,
]
/** What each of them begins with, for who looks for whole texts. */
export const hidingEscapeStarts = [...asciiStarts, ...foldingLetters]

/** With any byte before it, as the fold of a gram leaves it. */
function preceded(text: string): string[] {
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte) + text)
}
