import { hasWildcard, type Segments } from './wildcard.ts'

/**
 * Modifiers that turn a value into the forms it takes in a log: UTF-16, base64, dashes. Each takes
 * one value and gives one or more.
 *
 * `bytes` says what the text stands for: UTF-8 of its characters, or, after a UTF-16 modifier, one
 * byte per character.
 */
export interface EncodedText {
  readonly segments: Segments
  readonly bytes: 'utf8' | 'latin1'
}

export type Encoding = (value: EncodedText) => readonly EncodedText[] | { readonly problem: string }

export const encodings: Readonly<Record<string, Encoding>> = {
  wide: (value) => utf16(value, ''),
  utf16le: (value) => utf16(value, ''),
  utf16: (value) => utf16(value, '\xff\xfe'),
  utf16be: (value) =>
    latin1(value, (text) => Buffer.from(text, 'utf16le').swap16().toString('latin1')),
  base64(value) {
    if (hasWildcard(value.segments)) return noWildcards
    const encoded = bytesOf(value).toString('base64')
    return [{ segments: [encoded], bytes: 'utf8' }]
  },
  base64offset(value) {
    if (hasWildcard(value.segments)) return noWildcards
    return [0, 1, 2].map((shift) => ({
      segments: [base64At(bytesOf(value), shift)],
      bytes: 'utf8' as const,
    }))
  },
  windash(value) {
    let forms: readonly (readonly string[])[] = [[]]
    for (const segment of value.segments) {
      const variants = dashVariants(segment)
      if (forms.length * variants.length > formsMax) {
        return { problem: `has too many dashes: more than ${formsMax} forms` }
      }
      forms = forms.flatMap((form) => variants.map((variant) => [...form, variant]))
    }
    return forms.map((segments) => ({ segments, bytes: value.bytes }))
  },
}

const noWildcards = { problem: 'holds wildcards, which base64 would encode: escape them' }
/** Four places of five dashes each. */
const formsMax = 625
const dashes = ['-', '/', '\u2013', '\u2014', '\u2015']

/** Every form of a text in which a `-` or `/` that opens a word is any of the dashes. */
function dashVariants(text: string): readonly string[] {
  const parts = text.split(/(?<![\p{L}\p{N}_])[-/](?=[\p{L}\p{N}_])/u)
  // One variant more than allowed is enough to be refused.
  if (dashes.length ** (parts.length - 1) > formsMax)
    return new Array<string>(formsMax + 1).fill('')
  const [head = '', ...rest] = parts
  return rest.reduce<readonly string[]>(
    (variants, part) => variants.flatMap((start) => dashes.map((dash) => start + dash + part)),
    [head],
  )
}

function utf16(value: EncodedText, mark: string): readonly EncodedText[] {
  const [encoded] = latin1(value, (text) => Buffer.from(text, 'utf16le').toString('latin1'))
  if (encoded === undefined) return []
  const [first = '', ...rest] = encoded.segments
  return [{ ...encoded, segments: [mark + first, ...rest] }]
}

function latin1(value: EncodedText, encode: (text: string) => string): readonly EncodedText[] {
  return [{ segments: value.segments.map(encode), bytes: 'latin1' }]
}

function bytesOf(value: EncodedText): Buffer {
  return Buffer.from(value.segments[0] ?? '', value.bytes)
}

/**
 * What stays the same of the base64 of `bytes` when `shift` unknown bytes precede it and anything
 * follows: a character is left out when some of its 6 bits are a neighbour's.
 */
function base64At(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
  const bits = (shift + bytes.length) * 8
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(bits / 6))
}
