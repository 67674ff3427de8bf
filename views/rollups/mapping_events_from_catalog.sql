-- Fills mapping_events from every insert into catalog_events. What we derived counts before what was sent.
-- after: mapping_events
CREATE MATERIALIZED VIEW IF NOT EXISTS mapping_events_from_catalog TO mapping_events AS
WITH
    JSONExtract(entity, 'Tuple(
        asset_id Nullable(String), technique_id Nullable(String), coverage_type Nullable(String),
        confidence_level Nullable(String), notes Nullable(String))') AS sent,
    JSONExtract(derived, 'Tuple(
        asset_id Nullable(String), technique_id Nullable(String), coverage_type Nullable(String),
        confidence_level Nullable(String))') AS ours
SELECT
    id AS mapping_id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    coalesce(ours.asset_id, sent.asset_id, '') AS asset_id,
    coalesce(ours.technique_id, sent.technique_id, '') AS technique_id,
    coalesce(ours.coverage_type, sent.coverage_type, 'detect') AS coverage_type,
    coalesce(ours.confidence_level, sent.confidence_level, 'medium') AS confidence_level,
    ifNull(sent.notes, '') AS notes
FROM catalog_events
WHERE kind = 'mapping';
