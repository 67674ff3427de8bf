import type { Fields, MatchEvent } from '../schemas/event.ts'

/**
 * Events that an attacker would send to slow a matcher down, each of about `bytes`: one shape for
 * each part that could take more than linear time. `literals` are those of the rules at hand.
 */
export interface HostileShape {
  readonly name: string
  readonly make: (bytes: number, literals: readonly string[]) => HostileEvent
}

interface HostileEvent {
  readonly fields: Fields
  /** Where it matters how the JSON is written. */
  readonly json?: string
}

/** As an event of a log source that most rules meet, with its JSON. */
export function hostileEvent(
  shape: HostileShape,
  bytes: number,
  literals: readonly string[],
): MatchEvent {
  const { fields, json } = shape.make(bytes, literals)
  const logsource = { product: 'windows', service: 'sysmon', category: 'process_creation' }
  return { kind: 'process', logsource, fields, json: Buffer.from(json ?? JSON.stringify(fields)) }
}

export const hostileShapes: readonly HostileShape[] = [
  line('one letter', 'a'),
  line('a space before every dash', ' -'),
  line('one popular word', 'powershell '),
  line('backslashes', '\\'),
  line('quotes', '"'),
  line('digits and dots', '1.'),
  line('newlines', '\n'),
  line('null characters', '\0'),
  line('emoji', '👩‍💻'),
  line('half of an emoji', '\ud83d'),
  line('letters that lower-case to two', '\u0130'),
  line('letters that fold to ASCII', '\u212a\u017f'),
  line('en dashes', '–e'),
  line('backticks and carets', '`a^b'),
  line('opening braces', '{0}{1}"-f'),
  line('what lets regexes start', 'cmd /c set x && set powershell invoke clip '),
  line('what almost matches a wildcard', '\\windows\\system32\\cmd.exe /c '),
  line('escapes of base64', 'QQBBAEEA=='),
  line('a path that never ends', 'C:\\Users\\Public\\'),
  {
    name: 'one gram of each literal, again and again',
    make: (bytes, literals) =>
      fields(filled(bytes, literals.map((one) => one.slice(0, 4)).join(''))),
  },
  {
    name: 'every literal of every rule',
    make: (bytes, all) => fields(filled(bytes, all.join(' '))),
  },
  {
    name: 'every literal in every field',
    make: (bytes, all) => {
      const text = filled(bytes / commonFields.length, all.join(' '))
      return { fields: Object.fromEntries(commonFields.map((name) => [name, text])) }
    },
  },
  {
    name: 'every literal as an element of an array',
    make: (bytes, all) => {
      const count = Math.ceil(bytes / 16)
      return fields(Array.from({ length: count }, (_, index) => all[index % all.length] ?? ''))
    },
  },
  {
    name: 'an array of empty texts',
    make: (bytes) => fields(new Array(Math.ceil(bytes / 3)).fill('')),
  },
  {
    name: 'an array of numbers',
    make: (bytes) => fields(Array.from({ length: Math.ceil(bytes / 7) }, (_, index) => index)),
  },
  {
    name: 'arrays in arrays',
    make: (bytes) => nested(Math.floor(bytes / 2), '[', ']'),
  },
  {
    name: 'objects in objects',
    make: (bytes) => nested(Math.floor(bytes / 6), '{"a":', '}'),
  },
  {
    name: 'a field for every few bytes',
    make: (bytes) => ({
      fields: Object.fromEntries(
        Array.from({ length: Math.ceil(bytes / 16) }, (_, index) => [`f${index}`, 'mimikatz']),
      ),
    }),
  },
  {
    name: 'JSON of escapes only',
    make: (bytes) => {
      const text = filled(bytes / 6, 'mimikatz -enc ')
      const units = [...text].map((unit) => `\\u00${unit.charCodeAt(0).toString(16)}`)
      return { fields: { CommandLine: text }, json: `{"CommandLine":"${units.join('')}"}` }
    },
  },
]

/** Most process rules look at these. */
const commonFields = ['CommandLine', 'ParentCommandLine', 'Image', 'ParentImage', 'Message']

function line(name: string, part: string): HostileShape {
  return { name, make: (bytes) => fields(filled(bytes, part)) }
}

function fields(value: unknown): HostileEvent {
  const Image = 'C:\\Windows\\System32\\cmd.exe'
  return { fields: { Image, OriginalFileName: 'Cmd.Exe', CommandLine: value } }
}

function filled(bytes: number, part: string): string {
  return part.repeat(Math.ceil(bytes / Math.max(1, part.length))).slice(0, bytes)
}

/** Built as JSON, for no recursive builder would get that deep. */
function nested(depth: number, open: string, close: string): HostileEvent {
  const json = `{"CommandLine":${open.repeat(depth)}"mimikatz"${close.repeat(depth)}}`
  const parsed: Fields = JSON.parse(json)
  return { fields: parsed, json }
}
