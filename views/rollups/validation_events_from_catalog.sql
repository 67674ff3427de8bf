-- Fills validation_events from every insert into catalog_events. What we derived counts before what was sent.
-- after: validation_events
CREATE MATERIALIZED VIEW IF NOT EXISTS validation_events_from_catalog TO validation_events AS
WITH
    JSONExtract(entity, 'Tuple(
        asset_id Nullable(String), technique_id Nullable(String), test_id Nullable(String),
        validation_result Nullable(String), validation_method Nullable(String),
        evidence_ids Array(String), notes Nullable(String))') AS sent,
    JSONExtract(derived, 'Tuple(
        asset_id Nullable(String), technique_id Nullable(String), test_id Nullable(String),
        validated_at Nullable(String), validated_by Nullable(String), expires_at Nullable(String),
        is_expiry_default Nullable(Bool), validation_result Nullable(String),
        validation_method Nullable(String), rule_hash Nullable(String), logic_hash Nullable(String),
        log_source_version Nullable(String), infrastructure_hash Nullable(String),
        integrity_hash Nullable(String))') AS ours,
    parseDateTime64BestEffortOrNull(ours.validated_at, 3, 'UTC') AS seen_at,
    parseDateTime64BestEffortOrNull(ours.expires_at, 3, 'UTC') AS ends_at
SELECT
    id AS validation_id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    coalesce(ours.asset_id, sent.asset_id, '') AS asset_id,
    coalesce(ours.technique_id, sent.technique_id, '') AS technique_id,
    coalesce(ours.test_id, sent.test_id, '') AS test_id,
    ifNull(seen_at, event_time) AS validated_at,
    ifNull(ours.validated_by, actor) AS validated_by,
    ifNull(ends_at, event_time + toIntervalDay(180)) AS expires_at,
    ends_at IS NULL OR ifNull(ours.is_expiry_default, false) AS is_expiry_default,
    coalesce(ours.validation_result, sent.validation_result, '') AS validation_result,
    coalesce(ours.validation_method, sent.validation_method, '') AS validation_method,
    ifNull(ours.rule_hash, '') AS rule_hash,
    ifNull(ours.logic_hash, '') AS logic_hash,
    ifNull(ours.log_source_version, '') AS log_source_version,
    ifNull(ours.infrastructure_hash, '') AS infrastructure_hash,
    sent.evidence_ids AS evidence_ids,
    ifNull(sent.notes, '') AS notes,
    ifNull(ours.integrity_hash, '') AS integrity_hash
FROM catalog_events
WHERE kind = 'validation' AND op = 'put';
