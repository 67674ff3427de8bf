-- Fills invalidation_events from every insert into catalog_events.
-- after: invalidation_events
CREATE MATERIALIZED VIEW IF NOT EXISTS invalidation_events_from_catalog TO invalidation_events AS
SELECT
    id AS invalidation_id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    JSONExtractString(entity, 'validation_id') AS validation_id,
    event_time AS invalidated_at,
    if(JSONHas(derived, 'invalidated_by'), JSONExtractString(derived, 'invalidated_by'), actor) AS invalidated_by,
    JSONExtractString(entity, 'reason') AS invalidation_reason,
    JSONExtractRaw(entity, 'details') AS details
FROM catalog_events
WHERE kind = 'invalidation' AND op = 'put';
