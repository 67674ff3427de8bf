import { z } from '@hono/zod-openapi'
import type { Services } from '../resource.ts'
import { timestamp } from '../resource.ts'

/** A detection asset as it is answered, and how it is read (L1, L6). */

const count = z.int().nonnegative()
const text = z.string().nullable()
const freeForm = z.record(z.string(), z.unknown())

export const healthStatuses = ['untested', 'noisy', 'silent', 'healthy'] as const

export const asset = z
  .object({
    id: z.string(),
    name: z.string(),
    description: text,
    asset_type: z.string(),
    platform: text,
    rule_language: text,
    rule_repository_url: text,
    rule_file_path: text,
    rule_version: text,
    rule_hash: text.openapi({ description: 'SHA-256 of the bytes of the rule.' }),
    logic_hash: text.openapi({
      description: 'SHA-256 of what the rule does; of rules that ttpstream compiles.',
    }),
    last_rule_change_at: timestamp.nullable(),
    log_source_name: text,
    log_source_version: text,
    log_source_config: freeForm,
    infrastructure_hash: text,
    infrastructure_details: freeForm,
    health_status: z.enum(healthStatuses),
    silent_because: z.enum(['log_source', 'rule']).nullable(),
    last_alert_at: timestamp.nullable(),
    last_hit_at: timestamp.nullable(),
    alert_count_30d: count,
    false_positive_rate: z.number().min(0).max(1).nullable(),
    expected_alert_frequency: text,
    owner_id: text,
    backup_owner_id: text,
    team: text,
    is_active: z.boolean(),
    adoption: z.enum(['candidate', 'adopted']),
    is_counted: z.boolean().openapi({
      description: 'Adopted, or validated at least once: it counts in lists and scores.',
    }),
    tags: z.array(z.string()),
    asset_metadata: freeForm,
    external_ids: z.array(z.object({ system: z.string(), id: z.string() })),
    technique_ids: z.array(z.string()),
    validation_count: count,
    valid_validation_count: count,
    next_expiry_at: timestamp.nullable(),
    created_by: text,
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi('DetectionAsset')
export type Asset = z.output<typeof asset>

export const assetExample: z.input<typeof asset> = {
  id: 'sigma:611eab06',
  name: 'Mimikatz DC Sync',
  description: null,
  asset_type: 'sigma',
  platform: 'windows',
  rule_language: 'sigma',
  rule_repository_url: 'https://git.example/detections',
  rule_file_path: 'win/security/dcsync.yml',
  rule_version: '4f9c2d1',
  rule_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  logic_hash: null,
  last_rule_change_at: '2026-11-20T09:00:00.000Z',
  log_source_name: 'windows-security',
  log_source_version: '2019',
  log_source_config: {},
  infrastructure_hash: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
  infrastructure_details: { siem: 'elastic 9.1' },
  health_status: 'healthy',
  silent_because: null,
  last_alert_at: '2026-11-20T10:44:58.000Z',
  last_hit_at: null,
  alert_count_30d: 4,
  false_positive_rate: 0.25,
  expected_alert_frequency: 'rare',
  owner_id: 'u-12',
  backup_owner_id: null,
  team: 'detection',
  is_active: true,
  adoption: 'adopted',
  is_counted: true,
  tags: ['tier1'],
  asset_metadata: {},
  external_ids: [{ system: 'elastic', id: 'c41d170b' }],
  technique_ids: ['T1003.006'],
  validation_count: 3,
  valid_validation_count: 1,
  next_expiry_at: '2027-05-19T11:02:00.000Z',
  created_by: 'ci@detections',
  created_at: '2026-09-01T09:00:00.000Z',
  updated_at: '2026-11-20T09:00:00.000Z',
}

export const assetDetail = asset.extend({ rule_content: text }).openapi('DetectionAssetDetail')

export const assetDetailExample: z.input<typeof assetDetail> = {
  ...assetExample,
  rule_content: 'title: Mimikatz DC Sync',
}

/** A row of `asset_status`. */
export type AssetStatusRow = Pick<
  z.input<typeof asset>,
  | 'health_status'
  | 'silent_because'
  | 'last_hit_at'
  | 'alert_count_30d'
  | 'is_active'
  | 'is_counted'
> & {
  readonly asset_id: string
  readonly health_factor: number
}

/** A row of `asset_alerts`, which assets without an alert lack. */
interface AssetAlertsRow {
  readonly asset_id: string
  readonly last_alert_at: string
  readonly false_positive_rate: number | null
}

/** A row of `detection_assets`; members that are JSON are text. */
type AssetRow = Omit<
  z.input<typeof asset>,
  | keyof AssetStatusRow
  | keyof AssetAlertsRow
  | 'id'
  | 'log_source_config'
  | 'infrastructure_details'
  | 'asset_metadata'
> & {
  readonly asset_id: string
  readonly log_source_config: string
  readonly infrastructure_details: string
  readonly asset_metadata: string
}

/**
 * Those that exist as of `at_s`; `asset_id` '' is every one. Three views that do not wait for each other, and ClickHouse plans
 * a query on one core: side by side.
 */
export async function readAssets(
  { views }: Pick<Services, 'views'>,
  at_s: number,
  asset_id = '',
): Promise<Asset[]> {
  const [rows, states, alerts] = await Promise.all([
    views.select<AssetRow>('detection_assets', { at_s, asset_id }),
    views.select<AssetStatusRow>('asset_status', { at_s }),
    views.select<AssetAlertsRow>('asset_alerts', { at_s }),
  ])
  const stateOf = new Map(states.map((row) => [row.asset_id, row]))
  const alertsOf = new Map(alerts.map((row) => [row.asset_id, row]))
  return rows.flatMap((row) => {
    const state = stateOf.get(row.asset_id)
    // It came between the two reads.
    if (state === undefined) return []
    const known = {
      ...noAlerts,
      ...alertsOf.get(row.asset_id),
      ...state,
      ...row,
      id: row.asset_id,
      created_by: row.created_by === '' ? null : row.created_by,
      log_source_config: object(row.log_source_config),
      infrastructure_details: object(row.infrastructure_details),
      asset_metadata: object(row.asset_metadata),
    }
    return [asset.parse(known)]
  })
}

const noAlerts = { last_alert_at: null, false_positive_rate: null }

/** With the text of its rule; undefined where it does not exist as of `at_s`. */
export async function readAsset(
  services: Pick<Services, 'views'>,
  at_s: number,
  id: string,
): Promise<z.output<typeof assetDetail> | undefined> {
  const [[found], known] = await Promise.all([
    readAssets(services, at_s, id),
    readEntity(services, 'detection_asset', id, at_s),
  ])
  if (found === undefined) return undefined
  return assetDetail.parse({ ...found, rule_content: known?.['rule_content'] ?? null })
}

/** The entity as it was last sent; undefined where it does not exist as of `at_s`. */
export async function readEntity(
  { views }: Pick<Services, 'views'>,
  kind: string,
  id: string,
  at_s: number,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const [row] = await views.select<{ readonly op: string; readonly entity: string }>(
    'catalog_entity',
    { kind, id, at_s },
  )
  return row === undefined || row.op === 'delete' ? undefined : object(row.entity)
}

function object(json: string): Record<string, unknown> {
  return json === '' ? {} : freeForm.parse(JSON.parse(json) ?? {})
}
