/**
 * Source kinds (R3) and, for the native ones, the fields a rule may name. A Sigma rule is routed by
 * its log source instead; its fields are those of the log.
 */

interface KindSpec {
  /** The field that a short-form rule searches when it names none (R2). */
  readonly matchField?: string
  /**
   * Every field a native rule may read besides `commonFields`. A trailing `.*` opens a subtree, `*`
   * alone is any field.
   */
  readonly fields: readonly string[]
}

/** On every native event. */
export const commonFields = [
  'event_id',
  'host',
  'user',
  'session_id',
  'attacker_id',
  'identity_id',
  'decoy',
  'src_ip',
  'service',
  'fields.*',
] as const

/** Added by the shell normaliser wherever there is a `command_text`. */
export const shellFields = ['shell_line', 'shell_commands'] as const

/** Added by the URL normaliser wherever there is a `raw_url`. */
export const urlFields = ['url_decoded'] as const

/** Added to every `http_request`: its URL, user agent, referer, body and header values, decoded. */
export const httpFields = ['http_decoded'] as const

export const kinds: Readonly<Record<string, KindSpec>> = {
  command: {
    matchField: 'command_text',
    fields: ['command_text', ...shellFields, 'uid', 'pwd', 'shell'],
  },
  process: {
    matchField: 'CommandLine',
    fields: [
      'EventID',
      'Image',
      'OriginalFileName',
      'CommandLine',
      'CurrentDirectory',
      'User',
      'LogonId',
      'IntegrityLevel',
      'Hashes',
      'Company',
      'Product',
      'Description',
      'FileVersion',
      'ProcessId',
      'ProcessGuid',
      'ParentImage',
      'ParentCommandLine',
      'ParentUser',
      'ParentProcessId',
      'ParentProcessGuid',
      'Channel',
      'Provider_Name',
      'Computer',
      'Hostname',
      'command_text',
      ...shellFields,
    ],
  },
  http_request: {
    matchField: 'raw_url',
    fields: [
      'raw_url',
      ...urlFields,
      ...httpFields,
      'method',
      'path',
      'query',
      'user_agent',
      'status',
      'body',
      'headers.*',
      'referer',
      'request_count',
      'bytes_out',
      'filename',
    ],
  },
  http_fingerprint: {
    fields: ['fingerprint_kind', 'hash', 'ja3', 'ja4', 'ja4h', 'jarm', 'hassh', 'protocol'],
  },
  email: {
    matchField: 'subject',
    fields: [
      'subject',
      'from_domain',
      'mail_from_domain',
      'return_path_domain',
      'rcpt_count',
      'rcpt_domains',
      'x_mailer',
      'kit_match',
      'urls',
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
      'body_text',
      'body_sha256',
      'body_simhash',
      'body_base64_bytes',
      'similar_messages',
      'smtp_command',
    ],
  },
  intel: {
    matchField: 'verdict',
    fields: [
      'verdict',
      'provider',
      'categories',
      'score',
      'classification',
      'tags',
      'listed',
      'malware_family',
      'malware_families',
      'threat_types',
      'ioc_types',
    ],
  },
  canary_fingerprint: {
    matchField: 'ua_signature',
    fields: [
      'ua_signature',
      'webdriver',
      'canvas_tool',
      'audio_tool',
      'webrtc_mismatch',
      'timezone_offset_zones',
      'language_mismatch',
      'platform_mismatch',
      'renderer',
      'renderer_mismatch',
      'token_kind',
    ],
  },
  identity: {
    fields: [
      'shared_password_hash',
      'account_count',
      'asn_count',
      'window_hours',
      'body_simhash',
      'identity_count',
    ],
  },
  credential: { fields: ['credential_hash', 'reuse_count', 'service_count', 'address_count'] },
  auth_attempt: {
    matchField: 'username',
    fields: [
      'username',
      'password',
      'result',
      'fail_count',
      'password_count',
      'account_count',
      'window_seconds',
      'prior_brute',
      'default_pair',
      'protocol',
    ],
  },
  payload: {
    matchField: 'payload_text',
    fields: [
      'payload_text',
      'sha256',
      'file_type',
      'size_bytes',
      'hash_match',
      'signals',
      'filename',
      'raw_url',
      ...urlFields,
    ],
  },
  session: {
    fields: [
      'interval_seconds',
      'jitter',
      'operations',
      'bytes_out',
      'request_count',
      'rows_read',
      'bytes_read',
      'note_text',
      'signals',
      'poisoned',
      'poisoned_count',
      'filename',
      'duration_seconds',
      'behavior',
      'tool',
      'protocol',
      'command_count',
      'keystroke_automation',
    ],
  },
  ipv6_leak: { fields: ['addr', 'mac_oui', 'iid_kind', 'vector', 'on_iface', 'attacker_v4'] },
  // Windows channels whose events are of no Sigma category: the service is the kind.
  security: { fields: ['*'] },
  system: { fields: ['*'] },
  ps_classic_script: { fields: ['*'] },
  alert: {
    matchField: 'rule.name',
    fields: [
      'alert_id',
      'rule.system',
      'rule.id',
      'rule.name',
      'rule.version',
      'asset_id',
      'severity',
      'technique_ids',
      'hosts',
      'users',
      'src_ips',
      'status',
      'verdict',
      'url',
    ],
  },
  test: {
    matchField: 'name',
    fields: [
      'test_id',
      'round',
      'exercise',
      'name',
      'procedure_id',
      'technique_id',
      'hosts',
      'targets',
      'users',
      'state',
      'executed',
      'outcome',
      'detection_result',
      'platform',
      'red_team',
      'blue_team',
    ],
  },
}

/** Is `field` one that an event of native kind `kind` can carry? Any field is, of a kind we do not list. */
export function isFieldOf(kind: string, field: string): boolean {
  const spec = kinds[kind]
  if (spec === undefined) return true
  return [...commonFields, ...spec.fields].some((known) =>
    known.endsWith('.*') ? field.startsWith(known.slice(0, -1)) : known === field || known === '*',
  )
}
