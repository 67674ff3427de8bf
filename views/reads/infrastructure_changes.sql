-- One row per infrastructure change reported by at_s (epoch seconds), dated before or after it.
CREATE OR REPLACE VIEW infrastructure_changes AS
SELECT
    change_id,
    change_type,
    description,
    affected_platforms,
    affected_log_sources,
    change_date,
    reported_by,
    auto_invalidate,
    change_metadata,
    created_at,
    event_time AS updated_at
FROM
(
    SELECT
        *,
        minIf(event_time, op = 'put') OVER (PARTITION BY change_id) AS created_at
    FROM infrastructure_events
    WHERE event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY change_id, version DESC
    LIMIT 1 BY change_id
)
WHERE op = 'put';
