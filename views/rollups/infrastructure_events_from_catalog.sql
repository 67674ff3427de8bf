-- Fills infrastructure_events from every insert into catalog_events. What we derived counts before what was
-- sent.
-- after: infrastructure_events
CREATE MATERIALIZED VIEW IF NOT EXISTS infrastructure_events_from_catalog TO infrastructure_events AS
WITH
    JSONExtract(entity, 'Tuple(
        change_type Nullable(String), description Nullable(String), affected_platforms Array(String),
        affected_log_sources Array(String), change_date Nullable(String), auto_invalidate Nullable(Bool),
        change_metadata Nullable(String))') AS sent,
    JSONExtract(derived, 'Tuple(
        change_type Nullable(String), affected_platforms Array(String), affected_log_sources Array(String),
        change_date Nullable(String), reported_by Nullable(String))') AS ours
SELECT
    id AS change_id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    coalesce(ours.change_type, sent.change_type, '') AS change_type,
    ifNull(sent.description, '') AS description,
    arrayMap(
        name -> lowerUTF8(name),
        if(empty(ours.affected_platforms), sent.affected_platforms, ours.affected_platforms)) AS affected_platforms,
    if(empty(ours.affected_log_sources), sent.affected_log_sources, ours.affected_log_sources)
        AS affected_log_sources,
    ifNull(parseDateTime64BestEffortOrNull(coalesce(ours.change_date, sent.change_date, ''), 3, 'UTC'), event_time)
        AS change_date,
    ifNull(ours.reported_by, actor) AS reported_by,
    ifNull(sent.auto_invalidate, true) AS auto_invalidate,
    ifNull(sent.change_metadata, '') AS change_metadata
FROM catalog_events
WHERE kind = 'infrastructure_change';
