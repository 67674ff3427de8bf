-- One row per record of an infrastructure change: the whole change after it. Filled from catalog_events.
CREATE TABLE IF NOT EXISTS infrastructure_events
(
    change_id String COMMENT 'Infrastructure change' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    change_type LowCardinality(String) COMMENT 'Type of change',
    description String COMMENT 'Description' CODEC(ZSTD(1)),
    affected_platforms Array(LowCardinality(String)) COMMENT 'Platforms it touches, lower case',
    affected_log_sources Array(LowCardinality(String)) COMMENT 'Log sources it touches',
    change_date DateTime64(3, 'UTC') COMMENT 'When it takes effect, UTC',
    reported_by LowCardinality(String) COMMENT 'Who reported it',
    auto_invalidate Bool COMMENT 'Earlier validations of what it touches are no longer valid',
    change_metadata String COMMENT 'JSON object: anything else' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (change_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Infrastructure changes';
