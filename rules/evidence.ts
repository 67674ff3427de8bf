import type { MatchEvent } from '../schemas/event.ts'
import { fieldValue } from './field.ts'
import { evaluate } from './language/evaluate.ts'
import type { Node } from './node.ts'
import type { Rule } from './rule.ts'
import { arrayDepthMax, type Scalar } from './value.ts'

/**
 * What a tag keeps of the event that it came from (G5): enough to judge the match by, no more.
 *
 * Contract:
 * - Native rules keep the fields they declare; Sigma rules the fields of the selections that hold.
 * - Bounded: fields, elements and bytes of each.
 * - Fields named like secrets, and those the operator redacts, are left out whatever a rule says.
 * - Of mail only what `mailEvidence` lists: never addresses, bodies, subjects or file names.
 */
export interface EvidenceOptions {
  /** Names of further fields to leave out, lower case. */
  readonly redacted?: ReadonlySet<string>
}

export const evidenceFieldsMax = 32
export const evidenceBytesMax = 1024
const elementsMax = 20

/** Of an email: hashes, counts, domains and verdicts. */
export const mailEvidence: ReadonlySet<string> = new Set([
  'event_id',
  'from_domain',
  'mail_from_domain',
  'return_path_domain',
  'rcpt_count',
  'rcpt_domains',
  'x_mailer',
  'kit_match',
  'url_hosts',
  'dkim_signed',
  'spf_pass',
  'dmarc_pass',
  'attachment_count',
  'attachment_sha256s',
  'attachment_extensions',
  'attachment_macros',
  'attachment_password_protected',
  'html_smuggling',
  'attachment_hash_match',
  'body_sha256',
  'body_simhash',
  'body_base64_bytes',
  'similar_messages',
])

/** By field name; a list where the field holds several values. Pure. */
export function evidenceOf(
  rule: Rule,
  event: MatchEvent,
  options: EvidenceOptions = {},
): Readonly<Record<string, unknown>> {
  const evidence: Record<string, unknown> = {}
  let count = 0
  for (const name of rule.evidenceFields ?? matchedFields(rule, event)) {
    if (count >= evidenceFieldsMax) break
    if (!isKept(event.kind, name, options) || Object.hasOwn(evidence, name)) continue
    const value = bounded(fieldValue(event.fields, name), event.kind)
    if (value === undefined) continue
    evidence[name] = value
    count += 1
  }
  return evidence
}

/** May evidence of this kind of event hold this field at all? */
export function isEvidenceField(kind: string, name: string): boolean {
  if (kind === 'email') return mailEvidence.has(name)
  return !isSecretName(name)
}

function isKept(kind: string, name: string, options: EvidenceOptions): boolean {
  return isEvidenceField(kind, name) && options.redacted?.has(name.toLowerCase()) !== true
}

const secretWords = new Set([
  'password',
  'passwd',
  'passphrase',
  'pass',
  'secret',
  'secrets',
  'token',
  'tokens',
  'key',
  'apikey',
  'authorization',
  'cookie',
  'cookies',
  'credential',
  'credentials',
])
/** A last word that says the field is about a secret, and does not hold it. */
const harmlessEndings = new Set(['count', 'protected', 'kind', 'type', 'length', 'pair'])
/** Keyed hashes by which producers recognise a reused secret; they are made to be compared. */
const comparableHashes = new Set(['shared_password_hash', 'credential_hash'])

/** `userPassword`, `X-Api-Key`, `headers.authorization`: by the words of the name's last part. */
export function isSecretName(name: string): boolean {
  const last = name.slice(name.lastIndexOf('.') + 1)
  if (comparableHashes.has(last)) return false
  const words = last
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  return words.some((word) => secretWords.has(word)) && !harmlessEndings.has(words.at(-1) ?? '')
}

function matchedFields(rule: Rule, event: MatchEvent): readonly string[] {
  const fields = new Set<string>()
  for (const selection of rule.selections.values()) {
    if (evaluate(selection, event)) collectFields(selection, event, fields)
  }
  return [...fields]
}

/** Fields of the leaves that make a true node true. What a `not` rules out is no evidence. */
function collectFields(node: Node, event: MatchEvent, fields: Set<string>): void {
  switch (node.op) {
    case 'and':
    case 'or':
    case 'atleast':
      for (const child of node.nodes) {
        if (evaluate(child, event)) collectFields(child, event, fields)
      }
      break
    case 'not':
    case 'constant':
      break
    default:
      if (node.op === 'keyword' || node.field === '') {
        for (const name of fieldsHolding(node, event)) fields.add(name)
      } else {
        fields.add(node.field)
      }
      if (node.op === 'fieldref') fields.add(node.other)
  }
}

/** The fields, by dotted path, that a search of every value finds something in. */
function fieldsHolding(leaf: Node, event: MatchEvent): readonly string[] {
  const found: string[] = []
  const walk = (value: unknown, path: string, depth: number): void => {
    if (found.length >= evidenceFieldsMax || depth > arrayDepthMax) return
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, member] of Object.entries(value)) {
        walk(member, path === '' ? key : `${path}.${key}`, depth + 1)
      }
    } else if (evaluate(leaf, { ...event, fields: { [path]: value } })) {
      found.push(path)
    }
  }
  walk(event.fields, '', 0)
  return found
}

/** Scalars and lists of them, cut; undefined for what is neither. */
function bounded(value: unknown, kind: string): unknown {
  if (Array.isArray(value)) {
    const elements: Scalar[] = []
    let bytes = 0
    for (const element of value.slice(0, elementsMax)) {
      const scalar = boundedScalar(element, kind)
      if (scalar === undefined) continue
      bytes += Buffer.byteLength(String(scalar))
      if (bytes > evidenceBytesMax) break
      elements.push(scalar)
    }
    return elements.length === 0 ? undefined : elements
  }
  return boundedScalar(value, kind)
}

function boundedScalar(value: unknown, kind: string): Scalar | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value !== 'string') return undefined
  // A free-text header may hold an address whatever its name says.
  if (kind === 'email' && value.includes('@')) return undefined
  return headBytes(value, evidenceBytesMax)
}

/** The head of a text that is at most `bytesMax` of UTF-8, cut between characters. */
function headBytes(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text
  const head = Buffer.from(text.slice(0, bytesMax))
  let end = Math.min(bytesMax, head.length)
  while (end > 0 && end < head.length && ((head[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return head.subarray(0, end).toString()
}
