-- One row per declared invalidation of a validation. It lasts for ever. Filled from catalog_events.
CREATE TABLE IF NOT EXISTS invalidation_events
(
    invalidation_id String COMMENT 'Declared invalidation' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    validation_id String COMMENT 'Validation that is no longer valid' CODEC(ZSTD(1)),
    invalidated_at DateTime64(3, 'UTC') COMMENT 'From when on, UTC',
    invalidated_by LowCardinality(String) COMMENT 'Who declared it',
    invalidation_reason String COMMENT 'Why' CODEC(ZSTD(1)),
    details String COMMENT 'JSON object: anything else' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (invalidation_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Declared invalidations of validations';
