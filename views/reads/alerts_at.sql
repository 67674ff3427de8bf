-- One row per alert raised from since_s to at_s (epoch seconds), as of at_s, with what questions about many alerts
-- need; alert_state has the rest. subject is the detection asset that the producer names, or else stands for the rule,
-- whose asset alert_assets tells: one text, since it is grouped by. technique_ids are those that the alert names. Alerts
-- that alert_spans is behind with are put together now, so that one counts as soon as it is written.
-- after: alert_spans, alert_changes, alert_buckets_behind
CREATE OR REPLACE VIEW alerts_at AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({since_s:Float64} * 1000)), 'UTC') AS since,
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT alert_id, event_time, raised_at, subject, technique_ids, hosts, acknowledged_at, verdict
FROM alert_spans
WHERE bucket NOT IN (SELECT bucket FROM alert_buckets_behind)
    AND raised_at >= since AND raised_at <= at AND from_time <= at AND to_time > at
UNION ALL
SELECT
    alert_id,
    minIf(c.event_time, is_record) AS event_time,
    ifNull(nullIf(argMax(c.raised_at, version), toDateTime64('2299-12-31 00:00:00', 3, 'UTC')), event_time) AS raised_at,
    toLowCardinality(ifNull(
        nullIf(argMax(c.asset_id, version), ''),
        concat('\0', ifNull(argMax(rule_system, version), ''), '\0', ifNull(argMax(rule_id, version), '')))) AS subject,
    CAST(argMaxIf(c.technique_ids, version, tells_technique_ids), 'Array(LowCardinality(String))') AS technique_ids,
    CAST(argMaxIf(c.hosts, version, tells_hosts), 'Array(LowCardinality(String))') AS hosts,
    nullIf(argMax(c.acknowledged_at, version), toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) AS acknowledged_at,
    -- A record counts before a verdict of the same version.
    toLowCardinality(ifNull(argMax(c.verdict, (version, NOT is_record)), '')) AS verdict
FROM alert_changes AS c
WHERE bucket IN (SELECT bucket FROM alert_buckets_behind) AND c.event_time <= at
GROUP BY bucket, alert_id
HAVING countIf(is_record) > 0 AND raised_at >= since AND raised_at <= at;
