-- One row per decay policy as of at_s (epoch seconds), in force or not; '' applies to any.
CREATE OR REPLACE VIEW decay_policies AS
SELECT * EXCEPT (op, event_time, record_time, partition, offset, actor, reason), event_time AS updated_at
FROM
(
    SELECT *, minIf(event_time, op = 'put') OVER (PARTITION BY policy_id) AS created_at
    FROM policy_events
    WHERE event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY policy_id, version DESC
    LIMIT 1 BY policy_id
)
WHERE op = 'put';
