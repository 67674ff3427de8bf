-- One row per record, or range of records, that could not become an event, with the reason.
-- setting: ttl_days = 90
CREATE TABLE IF NOT EXISTS dead_letters
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset, of a range the first' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    last_offset UInt64 COMMENT 'Kafka offset, of a range the last' CODEC(Delta, ZSTD(1)),
    records UInt64 COMMENT 'Records that the row stands for',
    code LowCardinality(String) COMMENT 'Stable code of the reason',
    reason String COMMENT 'The reason in words' CODEC(ZSTD(1)),
    value_sha256 String COMMENT 'SHA-256 of the record, hexadecimal' CODEC(ZSTD(1)),
    value_bytes UInt64 COMMENT 'Size of the record, bytes',
    head String COMMENT 'At most 64 KB of the record, redacted by kind' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ingest_time)
ORDER BY (topic, partition, ingest_time, log, offset)
TTL toDateTime(ingest_time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, ttl_only_drop_parts = 1
COMMENT 'Records that could not become events, with the reason';
