-- Fills asset_events from every insert into catalog_events. What we derived counts before what was sent.
-- after: asset_events
CREATE MATERIALIZED VIEW IF NOT EXISTS asset_events_from_catalog TO asset_events AS
WITH
    JSONExtract(entity, 'Tuple(
        name Nullable(String), description Nullable(String), asset_type Nullable(String),
        platform Nullable(String), rule_language Nullable(String), rule_repository_url Nullable(String),
        rule_file_path Nullable(String), rule_version Nullable(String), log_source_name Nullable(String),
        log_source_version Nullable(String), log_source_config Nullable(String),
        infrastructure_details Nullable(String), expected_alert_frequency Nullable(String),
        owner_id Nullable(String), backup_owner_id Nullable(String), team Nullable(String),
        is_active Nullable(Bool), adoption Nullable(String), tags Array(String),
        asset_metadata Nullable(String), external_ids Array(Tuple(system String, id String)))') AS sent,
    JSONExtract(derived, 'Tuple(
        name Nullable(String), description Nullable(String), asset_type Nullable(String),
        platform Nullable(String), rule_language Nullable(String), rule_repository_url Nullable(String),
        rule_file_path Nullable(String), rule_version Nullable(String), rule_hash Nullable(String),
        logic_hash Nullable(String), log_source_name Nullable(String), log_source_version Nullable(String),
        infrastructure_hash Nullable(String), expected_alert_frequency Nullable(String),
        owner_id Nullable(String), backup_owner_id Nullable(String), team Nullable(String),
        is_active Nullable(Bool), adoption Nullable(String), tags Array(String),
        external_ids Array(Tuple(system String, id String)))') AS ours
SELECT
    id AS asset_id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    coalesce(ours.name, sent.name, '') AS name,
    coalesce(ours.description, sent.description, '') AS description,
    coalesce(ours.asset_type, sent.asset_type, '') AS asset_type,
    lowerUTF8(coalesce(ours.platform, sent.platform, '')) AS platform,
    coalesce(ours.rule_language, sent.rule_language, '') AS rule_language,
    coalesce(ours.rule_repository_url, sent.rule_repository_url, '') AS rule_repository_url,
    coalesce(ours.rule_file_path, sent.rule_file_path, '') AS rule_file_path,
    coalesce(ours.rule_version, sent.rule_version, '') AS rule_version,
    ifNull(ours.rule_hash, '') AS rule_hash,
    ifNull(ours.logic_hash, '') AS logic_hash,
    coalesce(ours.log_source_name, sent.log_source_name, '') AS log_source_name,
    coalesce(ours.log_source_version, sent.log_source_version, '') AS log_source_version,
    ifNull(sent.log_source_config, '') AS log_source_config,
    ifNull(ours.infrastructure_hash, '') AS infrastructure_hash,
    ifNull(sent.infrastructure_details, '') AS infrastructure_details,
    coalesce(ours.expected_alert_frequency, sent.expected_alert_frequency, '') AS expected_alert_frequency,
    coalesce(ours.owner_id, sent.owner_id, '') AS owner_id,
    coalesce(ours.backup_owner_id, sent.backup_owner_id, '') AS backup_owner_id,
    coalesce(ours.team, sent.team, '') AS team,
    op = 'put' AND coalesce(ours.is_active, sent.is_active, true) AS is_active,
    coalesce(ours.adoption, sent.adoption, 'adopted') AS adoption,
    if(empty(ours.tags), sent.tags, ours.tags) AS tags,
    ifNull(sent.asset_metadata, '') AS asset_metadata,
    if(empty(ours.external_ids), sent.external_ids, ours.external_ids) AS external_ids
FROM catalog_events
WHERE kind = 'detection_asset';
