-- One row per UTC day that the daily run reported on by at_s (epoch seconds): what it reported. The first
-- record of a day in the order of the log stays, so that a snapshot never changes. techniques is a JSON list of
-- {technique_id, status, score, level}, one for each technique that had a detection; '' before there were any.
CREATE OR REPLACE VIEW coverage_snapshots AS
SELECT
    toDate(id) AS date,
    JSONExtract(entity, 'coverage_pct', 'Nullable(Float64)') AS coverage_pct,
    JSONExtractUInt(entity, 'validated') AS validated,
    JSONExtractUInt(entity, 'partial') AS partial,
    JSONExtractUInt(entity, 'total') AS total,
    JSONExtractString(entity, 'attack_release') AS attack_release,
    parseDateTime64BestEffort(JSONExtractString(entity, 'computed_at'), 3, 'UTC') AS computed_at,
    JSONExtractRaw(entity, 'techniques') AS techniques
FROM
(
    SELECT id, event_time, entity
    FROM catalog_events
    WHERE kind = 'coverage_snapshot' AND op = 'put'
    ORDER BY id, ingest_time, partition, offset
    LIMIT 1 BY id
)
WHERE event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC');
