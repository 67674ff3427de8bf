import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import type { LogSource, MatchEvent } from '../../schemas/event.ts'

/**
 * Recorded Windows events as the other engine was given them: fields as they are, the log source by
 * channel and event id and nothing more. The product's own sources say more of an event (aliases,
 * finer categories); here the matchers are compared, not the sources.
 */
export async function* recordedEvents(path: string): AsyncGenerator<MatchEvent> {
  const input = createReadStream(path).pipe(createGunzip())
  for await (const line of createInterface({ input })) {
    const fields: Record<string, unknown> = JSON.parse(line)
    const logsource = logsourceOf(fields)
    yield { kind: logsource.category ?? 'event', logsource, fields, json: Buffer.from(line) }
  }
}

function logsourceOf(fields: Readonly<Record<string, unknown>>): LogSource {
  const channel = String(fields['Channel'] ?? '').toLowerCase()
  const service =
    services[channel] ?? channel.replace(/^microsoft-windows-/, '').replace(/\/.*/, '')
  const category = categories[service]?.[String(fields['EventID'])]
  return {
    product: 'windows',
    ...(service === '' ? {} : { service }),
    ...(category === undefined ? {} : { category }),
  }
}

const services: Readonly<Record<string, string>> = {
  'microsoft-windows-sysmon/operational': 'sysmon',
  'microsoft-windows-powershell/operational': 'powershell',
  'windows powershell': 'powershell-classic',
  'microsoft-windows-wmi-activity/operational': 'wmi',
  'microsoft-windows-windows firewall with advanced security/firewall': 'firewall-as',
}

const categories: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sysmon: {
    1: 'process_creation',
    2: 'file_change',
    3: 'network_connection',
    5: 'process_termination',
    6: 'driver_load',
    7: 'image_load',
    8: 'create_remote_thread',
    9: 'raw_access_thread',
    10: 'process_access',
    11: 'file_event',
    12: 'registry_add',
    13: 'registry_set',
    14: 'registry_rename',
    15: 'create_stream_hash',
    17: 'pipe_created',
    18: 'pipe_created',
    19: 'wmi_event',
    20: 'wmi_event',
    21: 'wmi_event',
    22: 'dns_query',
    23: 'file_delete',
    25: 'process_tampering',
    26: 'file_delete',
  },
  powershell: { 4103: 'ps_module', 4104: 'ps_script' },
  'powershell-classic': { 400: 'ps_classic_start' },
  security: { 4688: 'process_creation' },
}
