-- One row per run of the daily run that somebody asked for by at_s (epoch seconds). finished_at and what it
-- recorded are null until it was run.
CREATE OR REPLACE VIEW decay_runs AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    asked.id AS run_id,
    asked.event_time AS requested_at,
    asked.actor AS requested_by,
    done.finished_at AS finished_at,
    JSONExtract(done.entity, 'began', 'Nullable(UInt32)') AS began,
    JSONExtract(done.entity, 'ended', 'Nullable(UInt32)') AS ended,
    JSONExtract(done.entity, 'opened', 'Array(String)') AS opened,
    JSONExtract(done.entity, 'snapshot_date', 'Nullable(String)') AS snapshot_date,
    JSONExtract(done.entity, 'records', 'Nullable(UInt32)') AS records
FROM
(
    SELECT id, event_time, actor
    FROM catalog_events
    WHERE kind = 'decay_request' AND op = 'put' AND event_time <= at
    ORDER BY id, version
    LIMIT 1 BY id
) AS asked
LEFT JOIN
(
    SELECT id, toNullable(event_time) AS finished_at, entity
    FROM catalog_events
    WHERE kind = 'decay_run' AND op = 'put' AND event_time <= at
    ORDER BY id, version
    LIMIT 1 BY id
) AS done ON done.id = asked.id
SETTINGS join_use_nulls = 0;
