import type { LogSource } from '../../schemas/event.ts'

/**
 * Log sources: which rule meets which event.
 *
 * A Sigma rule meets an event unless a dimension is given on both sides and differs. One category is
 * generic: it stands for several that a source may name more exactly.
 */
export const genericCategories: Readonly<Record<string, readonly string[]>> = {
  registry_event: ['registry_add', 'registry_delete', 'registry_set', 'registry_rename'],
}

/** `rule` as written in a Sigma rule, `event` as its source says; both lower case. */
export function isRouted(rule: LogSource, event: LogSource): boolean {
  return (
    isCompatible(rule.product, event.product) &&
    isCompatible(rule.service, event.service) &&
    (isCompatible(rule.category, event.category) ||
      genericCategories[rule.category ?? '']?.includes(event.category ?? '') === true)
  )
}

function isCompatible(wanted: string | undefined, given: string | undefined): boolean {
  return wanted === undefined || given === undefined || wanted === given
}

/** The categories of Sigma's taxonomy: each is a source kind that a native rule may apply to. */
export const sigmaCategories = [
  'antivirus',
  'application',
  'clipboard_capture',
  'create_remote_thread',
  'create_stream_hash',
  'database',
  'dns',
  'dns_query',
  'driver_load',
  'file_access',
  'file_block_executable',
  'file_block_shredding',
  'file_change',
  'file_delete',
  'file_event',
  'file_executable_detected',
  'file_rename',
  'firewall',
  'image_load',
  'network_connection',
  'pipe_created',
  'process_access',
  'process_creation',
  'process_tampering',
  'process_termination',
  'proxy',
  'ps_classic_provider_start',
  'ps_classic_start',
  'ps_module',
  'ps_script',
  'raw_access_thread',
  'registry_add',
  'registry_delete',
  'registry_event',
  'registry_rename',
  'registry_set',
  'sysmon_error',
  'sysmon_status',
  'webserver',
  'wmi_event',
] as const

/**
 * SigmaHQ names tactics by ATT&CK v19, which splits Defense Evasion in two; the pinned release has
 * it whole. By shortname, in the catalogue's terms.
 */
export const tacticAliases: Readonly<Record<string, string>> = {
  stealth: 'defense-evasion',
  'defense-impairment': 'defense-evasion',
}
