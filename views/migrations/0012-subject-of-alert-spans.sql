-- alert_spans has one text for what an alert is about, the asset or the rule, which it is grouped by, and times that need
-- not be unpacked. It is made anew of alert_changes.
-- changes: rollups/alert_spans.sql, rollups/alert_spans_folded.sql, rollups/alert_spans_refreshed.sql
DROP VIEW IF EXISTS alert_spans_refreshed SYNC;

DROP TABLE IF EXISTS alert_spans SYNC;

CREATE TABLE IF NOT EXISTS alert_spans
(
    bucket UInt16 COMMENT 'Of the alert: by its id',
    alert_id String COMMENT 'Alert, with the system it comes from' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the alerted activity happened, UTC' CODEC(Delta, LZ4),
    raised_at DateTime64(3, 'UTC') COMMENT 'When the system raised it, UTC' CODEC(NONE),
    from_time DateTime64(3, 'UTC') COMMENT 'Start of the span, UTC' CODEC(NONE),
    to_time DateTime64(3, 'UTC') COMMENT 'End of the span, not in it, UTC; 2299-12-31: the last' CODEC(LZ4),
    subject LowCardinality(String) COMMENT 'Detection asset that the producer names, or \\0system\\0id of the rule',
    technique_ids Array(LowCardinality(String)) COMMENT 'ATT&CK techniques that the alert names',
    hosts Array(LowCardinality(String)) COMMENT 'Machines, lower case, full and short names',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody took it, UTC' CODEC(ZSTD(1)),
    verdict LowCardinality(String) COMMENT 'true_positive, false_positive, benign or undetermined, or empty',
    changes UInt32 COMMENT 'Changes of the alert, in its last span; else 0',
    digest UInt64 COMMENT 'Sum of their digests, in the last span; else 0' CODEC(NONE),
    PROJECTION of_bucket (SELECT bucket, sum(changes), sum(digest) GROUP BY bucket)
)
ENGINE = MergeTree
ORDER BY raised_at
COMMENT 'Alerts, span by span';

CREATE OR REPLACE VIEW alert_spans_folded AS
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    bucket,
    alert_id,
    begun AS event_time,
    ifNull(nullIf(told_raised_at, never), begun) AS raised_at,
    if(records = 0, never, from_times[place]) AS from_time,
    if(is_last, never, from_times[place + 1]) AS to_time,
    toLowCardinality(ifNull(
        nullIf(asset_ids[place], ''),
        concat('\0', ifNull(rule_systems[place], ''), '\0', ifNull(rule_ids[place], '')))) AS subject,
    CAST(techniques[place].2, 'Array(LowCardinality(String))') AS technique_ids,
    CAST(machines[place].2, 'Array(LowCardinality(String))') AS hosts,
    nullIf(acknowledged[place], never) AS acknowledged_at,
    toLowCardinality(ifNull(verdicts[place], '')) AS verdict,
    if(is_last, changed, 0) AS changes,
    if(is_last, digests, 0) AS digest
FROM
(
    SELECT
        bucket,
        alert_id,
        toUInt32(count()) AS changed,
        sum(c.digest) AS digests,
        countIf(is_record) AS records,
        minIf(c.event_time, is_record) AS begun,
        -- A record counts before a verdict of the same version.
        arraySort(groupArray((version, NOT is_record, c.event_time, c.raised_at, c.rule_system, c.rule_id, c.asset_id,
            (tells_technique_ids, c.technique_ids), (tells_hosts, c.hosts), c.acknowledged_at, c.verdict))) AS rows,
        rows.3 AS from_times,
        arrayFill(x -> x IS NOT NULL, rows.4) AS raised,
        arrayFill(x -> x IS NOT NULL, rows.5) AS rule_systems,
        arrayFill(x -> x IS NOT NULL, rows.6) AS rule_ids,
        arrayFill(x -> x IS NOT NULL, rows.7) AS asset_ids,
        arrayFill(x -> x.1, rows.8) AS techniques,
        arrayFill(x -> x.1, rows.9) AS machines,
        arrayFill(x -> x IS NOT NULL, rows.10) AS acknowledged,
        arrayFill(x -> x IS NOT NULL, rows.11) AS verdicts
    FROM alert_changes AS c
    GROUP BY bucket, alert_id
)
ARRAY JOIN
    arrayEnumerate(from_times) AS place,
    raised AS told_raised_at,
    arrayMap(p -> p = length(from_times), arrayEnumerate(from_times)) AS is_last
WHERE is_last OR (from_times[place] != from_times[place + 1] AND records > 0 AND from_times[place] >= begun);

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_spans_refreshed REFRESH EVERY 30 MINUTE TO alert_spans AS
SELECT *
FROM alert_spans_folded
SETTINGS max_threads = 1;
