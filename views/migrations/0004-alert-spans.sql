-- Alerts span by span, so that health is read and not put together: alert_changes, from all that is there, and
-- alert_spans, which is made from it as soon as it is there.
CREATE TABLE IF NOT EXISTS alert_changes
(
    bucket UInt16 COMMENT 'Of the alert: by its id',
    alert_id String COMMENT 'Alert, with the system it comes from' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change happened, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    is_record Bool COMMENT 'A record of the alert; else a verdict from the catalogue, which raises none',
    raised_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the system raised it, UTC' CODEC(ZSTD(1)),
    rule_system LowCardinality(Nullable(String)) COMMENT 'System whose rule raised it',
    rule_id LowCardinality(Nullable(String)) COMMENT 'That rule''s id in that system',
    asset_id LowCardinality(Nullable(String)) COMMENT 'Detection asset, where the producer names it',
    tells_technique_ids Bool COMMENT 'technique_ids are told, or cleared',
    technique_ids Array(LowCardinality(String)) COMMENT 'ATT&CK techniques that the alert names',
    tells_hosts Bool COMMENT 'hosts are told, or cleared',
    hosts Array(LowCardinality(String)) COMMENT 'Machines, lower case, full and short names',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody took it, UTC' CODEC(ZSTD(1)),
    verdict LowCardinality(Nullable(String)) COMMENT 'true_positive, false_positive, benign or undetermined',
    digest UInt64 COMMENT 'Hash of the place of the record in Kafka' CODEC(NONE),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1)),
    PROJECTION of_bucket (SELECT bucket, count(), sum(digest) GROUP BY bucket)
)
ENGINE = MergeTree
ORDER BY (bucket, alert_id, event_time)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, index_granularity = 512
COMMENT 'Changes of alerts, narrow, alert by alert';

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_changes_from_alerts TO alert_changes AS
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    toUInt16(cityHash64(e.alert_id) % 65536) AS bucket,
    e.alert_id AS alert_id,
    e.event_time AS event_time,
    e.record_time AS record_time,
    e.partition AS partition,
    e.offset AS offset,
    true AS is_record,
    if(has(e.cleared, 'raised_at'), never, e.raised_at) AS raised_at,
    e.rule_system AS rule_system,
    e.rule_id AS rule_id,
    if(has(e.cleared, 'asset_id'), '', e.asset_id) AS asset_id,
    notEmpty(e.technique_ids) OR has(e.cleared, 'technique_ids') AS tells_technique_ids,
    if(has(e.cleared, 'technique_ids'), [], e.technique_ids) AS technique_ids,
    notEmpty(e.hosts) OR has(e.cleared, 'hosts') AS tells_hosts,
    if(has(e.cleared, 'hosts'), [], e.hosts) AS hosts,
    if(has(e.cleared, 'acknowledged_at'), never, e.acknowledged_at) AS acknowledged_at,
    if(has(e.cleared, 'verdict'), '', e.verdict) AS verdict,
    cityHash64(e.log, e.topic, e.partition, e.offset) AS digest
FROM alert_events AS e;

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_changes_from_catalog TO alert_changes AS
SELECT
    toUInt16(cityHash64(JSONExtractString(entity, 'alert_id')) % 65536) AS bucket,
    JSONExtractString(entity, 'alert_id') AS alert_id,
    event_time,
    record_time,
    partition,
    offset,
    false AS is_record,
    if(JSONHas(derived, 'verdict'), JSONExtractString(derived, 'verdict'), JSONExtractString(entity, 'verdict'))
        AS verdict,
    cityHash64(log, topic, partition, offset) AS digest
FROM catalog_events
WHERE kind = 'verdict' AND op = 'put';

TRUNCATE TABLE alert_changes SYNC;

INSERT INTO alert_changes
(
    bucket, alert_id, event_time, record_time, partition, offset, is_record, raised_at, rule_system, rule_id,
    asset_id, tells_technique_ids, technique_ids, tells_hosts, hosts, acknowledged_at, verdict, digest
)
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    toUInt16(cityHash64(e.alert_id) % 65536) AS bucket,
    e.alert_id AS alert_id,
    e.event_time AS event_time,
    e.record_time AS record_time,
    e.partition AS partition,
    e.offset AS offset,
    true AS is_record,
    if(has(e.cleared, 'raised_at'), never, e.raised_at) AS raised_at,
    e.rule_system AS rule_system,
    e.rule_id AS rule_id,
    if(has(e.cleared, 'asset_id'), '', e.asset_id) AS asset_id,
    notEmpty(e.technique_ids) OR has(e.cleared, 'technique_ids') AS tells_technique_ids,
    if(has(e.cleared, 'technique_ids'), [], e.technique_ids) AS technique_ids,
    notEmpty(e.hosts) OR has(e.cleared, 'hosts') AS tells_hosts,
    if(has(e.cleared, 'hosts'), [], e.hosts) AS hosts,
    if(has(e.cleared, 'acknowledged_at'), never, e.acknowledged_at) AS acknowledged_at,
    if(has(e.cleared, 'verdict'), '', e.verdict) AS verdict,
    cityHash64(e.log, e.topic, e.partition, e.offset) AS digest
FROM alert_events AS e;

INSERT INTO alert_changes
(
    bucket, alert_id, event_time, record_time, partition, offset, is_record, verdict, digest
)
SELECT
    toUInt16(cityHash64(JSONExtractString(entity, 'alert_id')) % 65536) AS bucket,
    JSONExtractString(entity, 'alert_id') AS alert_id,
    event_time,
    record_time,
    partition,
    offset,
    false AS is_record,
    if(JSONHas(derived, 'verdict'), JSONExtractString(derived, 'verdict'), JSONExtractString(entity, 'verdict'))
        AS verdict,
    cityHash64(log, topic, partition, offset) AS digest
FROM catalog_events
WHERE kind = 'verdict' AND op = 'put';

CREATE TABLE IF NOT EXISTS alert_spans
(
    bucket UInt16 COMMENT 'Of the alert: by its id',
    alert_id String COMMENT 'Alert, with the system it comes from' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the alerted activity happened, UTC' CODEC(Delta, ZSTD(1)),
    raised_at DateTime64(3, 'UTC') COMMENT 'When the system raised it, UTC' CODEC(Delta, ZSTD(1)),
    from_time DateTime64(3, 'UTC') COMMENT 'Start of the span, UTC' CODEC(Delta, ZSTD(1)),
    to_time DateTime64(3, 'UTC') COMMENT 'End of the span, not in it, UTC; 2299-12-31: the last' CODEC(ZSTD(1)),
    rule_system LowCardinality(String) COMMENT 'System whose rule raised it, or empty',
    rule_id LowCardinality(String) COMMENT 'That rule''s id in that system, or empty',
    asset_id LowCardinality(String) COMMENT 'Detection asset, where the producer names it, or empty',
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

CREATE VIEW IF NOT EXISTS alert_buckets_behind AS
SELECT bucket
FROM
(
    SELECT bucket, toInt64(count()) AS changes, toInt64(sum(digest)) AS digest
    FROM alert_changes
    GROUP BY bucket
    UNION ALL
    SELECT bucket, -toInt64(sum(alert_spans.changes)) AS changes, -toInt64(sum(alert_spans.digest)) AS digest
    FROM alert_spans
    GROUP BY bucket
) AS sides
GROUP BY bucket
HAVING sum(sides.changes) != 0 OR sum(sides.digest) != 0;

CREATE VIEW IF NOT EXISTS alert_spans_folded AS
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    bucket,
    alert_id,
    begun AS event_time,
    ifNull(nullIf(told_raised_at, never), begun) AS raised_at,
    if(records = 0, never, from_times[place]) AS from_time,
    if(is_last, never, from_times[place + 1]) AS to_time,
    ifNull(rule_systems[place], '') AS rule_system,
    ifNull(rule_ids[place], '') AS rule_id,
    ifNull(asset_ids[place], '') AS asset_id,
    techniques[place].2 AS technique_ids,
    machines[place].2 AS hosts,
    nullIf(acknowledged[place], never) AS acknowledged_at,
    ifNull(verdicts[place], '') AS verdict,
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
    WHERE NOT {is_behind:Bool} OR bucket IN (SELECT bucket FROM alert_buckets_behind)
    GROUP BY bucket, alert_id
)
ARRAY JOIN
    arrayEnumerate(from_times) AS place,
    raised AS told_raised_at,
    arrayMap(p -> p = length(from_times), arrayEnumerate(from_times)) AS is_last
WHERE is_last OR (from_times[place] != from_times[place + 1] AND records > 0 AND from_times[place] >= begun)
SETTINGS optimize_aggregation_in_order = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_spans_refreshed REFRESH EVERY 30 MINUTE TO alert_spans AS
SELECT *
FROM alert_spans_folded(is_behind = false)
SETTINGS max_threads = 1;
