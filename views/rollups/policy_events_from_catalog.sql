-- Fills policy_events from every insert into catalog_events. What we derived counts before what was sent.
-- after: policy_events
CREATE MATERIALIZED VIEW IF NOT EXISTS policy_events_from_catalog TO policy_events AS
WITH
    JSONExtract(entity, 'Tuple(
        name Nullable(String), description Nullable(String), applies_to_platform Nullable(String),
        applies_to_asset_type Nullable(String), applies_to_tactic Nullable(String), fresh_days Nullable(Float64),
        aging_days Nullable(Float64), stale_days Nullable(Float64), default_validity_days Nullable(Float64),
        silent_days Nullable(Float64), noisy_alerts_per_day Nullable(UInt32), is_default Nullable(Bool),
        is_active Nullable(Bool))') AS sent,
    JSONExtract(derived, 'Tuple(
        name Nullable(String), applies_to_platform Nullable(String), applies_to_asset_type Nullable(String),
        applies_to_tactic Nullable(String), weights Tuple(recency Nullable(Float64), coverage Nullable(Float64),
            health Nullable(Float64), diversity Nullable(Float64)))') AS ours
SELECT
    id AS policy_id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    coalesce(ours.name, sent.name, '') AS name,
    ifNull(sent.description, '') AS description,
    lowerUTF8(coalesce(ours.applies_to_platform, sent.applies_to_platform, '')) AS applies_to_platform,
    lowerUTF8(coalesce(ours.applies_to_asset_type, sent.applies_to_asset_type, '')) AS applies_to_asset_type,
    coalesce(ours.applies_to_tactic, sent.applies_to_tactic, '') AS applies_to_tactic,
    ifNull(sent.fresh_days, 90.) AS fresh_days,
    ifNull(sent.aging_days, 180.) AS aging_days,
    ifNull(sent.stale_days, 365.) AS stale_days,
    ifNull(sent.default_validity_days, 180.) AS default_validity_days,
    ifNull(sent.silent_days, 30.) AS silent_days,
    ifNull(sent.noisy_alerts_per_day, toUInt32(100)) AS noisy_alerts_per_day,
    ifNull(ours.weights.recency, 0.30) AS weight_recency,
    ifNull(ours.weights.coverage, 0.30) AS weight_coverage,
    ifNull(ours.weights.health, 0.25) AS weight_health,
    ifNull(ours.weights.diversity, 0.15) AS weight_diversity,
    ifNull(sent.is_default, false) AS is_default,
    ifNull(sent.is_active, true) AS is_active
FROM catalog_events
WHERE kind = 'decay_policy';
