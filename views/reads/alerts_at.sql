-- One row per alert raised from since_s to at_s (epoch seconds), as of at_s, with what questions about many alerts
-- need; alert_state has the rest. subject is the detection asset that the producer names, or else stands for the rule,
-- whose asset alert_assets tells: one text, since it is grouped by. technique_ids are those that the alert names. Alerts
-- that alert_spans is behind with are folded now, so that it counts as soon as it is written.
-- after: alert_spans, alert_spans_behind, alert_buckets_behind
CREATE OR REPLACE VIEW alerts_at AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({since_s:Float64} * 1000)), 'UTC') AS since,
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT alert_id, event_time, raised_at, subject, technique_ids, hosts, acknowledged_at, verdict
FROM alert_spans
WHERE bucket NOT IN (SELECT bucket FROM alert_buckets_behind)
    AND raised_at >= since AND raised_at <= at AND from_time <= at AND to_time > at
UNION ALL
SELECT alert_id, event_time, raised_at, subject, technique_ids, hosts, acknowledged_at, verdict
FROM alert_spans_behind
WHERE raised_at >= since AND raised_at <= at AND from_time <= at AND to_time > at;
