-- One row per accepted record of ttp.alerts: the raise of an alert, or a later change of it.
-- State as of T is the latest non-null of each column by version; [] is absent.
-- setting: ttl_days = 0 (kept)
CREATE TABLE IF NOT EXISTS alert_events
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the alerted activity or the change happened, UTC' CODEC(Delta, ZSTD(1)),
    is_time_capped Bool COMMENT 'The producer''s clock was too far ahead: event_time was capped',
    is_time_estimated Bool COMMENT 'The record stated no event time of its own',
    alert_id String COMMENT 'Alert, with the system it comes from' CODEC(ZSTD(1)),
    raised_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the system raised it, UTC',
    rule_system LowCardinality(Nullable(String)) COMMENT 'System whose rule raised it',
    rule_id LowCardinality(Nullable(String)) COMMENT 'That rule''s id in that system',
    rule_name LowCardinality(Nullable(String)) COMMENT 'That rule''s name',
    rule_version LowCardinality(Nullable(String)) COMMENT 'That rule''s version',
    asset_id LowCardinality(Nullable(String)) COMMENT 'Detection asset, where the producer names it',
    severity LowCardinality(Nullable(String)) COMMENT 'Severity in the system''s words, lower case',
    technique_ids Array(LowCardinality(String)) COMMENT 'ATT&CK techniques that the alert names',
    hosts Array(LowCardinality(String)) COMMENT 'Machines, lower case, full and short names',
    users Array(LowCardinality(String)) COMMENT 'Accounts, lower case',
    src_ips Array(String) COMMENT 'Source addresses, canonical',
    source_event_ids Array(String) COMMENT 'Events that the alert was raised for',
    status LowCardinality(Nullable(String)) COMMENT 'Status in the system''s words, lower case',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody took it, UTC',
    verdict LowCardinality(Nullable(String)) COMMENT 'true_positive, false_positive, benign or undetermined',
    verdict_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the verdict was given, UTC',
    url Nullable(String) COMMENT 'Where to look at it',
    cleared Array(LowCardinality(String)) COMMENT 'Columns that this record sets back to null',
    raw String COMMENT 'The record as it came' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ingest_time)
ORDER BY (alert_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Raises and changes of alerts, one row per accepted record of ttp.alerts';
