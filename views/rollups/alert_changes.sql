-- One row per change of an alert: a record of it, or a verdict from the catalogue, with what questions about many
-- alerts need. null is not told; a cleared text is '', a cleared time 2299-12-31. Alerts lie in 65536 buckets by
-- their ids, so that the changes of some are read without the others; the projection says what a bucket holds.
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
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, index_granularity = 512,
    min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true
COMMENT 'Changes of alerts, narrow, alert by alert';
