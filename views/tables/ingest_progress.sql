-- One row per finished block: written last, so its presence means that the block is whole in every table.
-- records = events + dead_letters + deletions + missing (offsets that hold no record).
-- setting: ttl_days = 0 (kept: it is a witness of where the engine stands)
CREATE TABLE IF NOT EXISTS ingest_progress
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the block was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'First Kafka offset of the block' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    last_offset UInt64 COMMENT 'Last Kafka offset of the block' CODEC(Delta, ZSTD(1)),
    store LowCardinality(String) COMMENT 'Id of the set of tables that the block was written to',
    revision LowCardinality(String) COMMENT 'Rule set that the block was matched with',
    crc UInt32 COMMENT 'Checksum over the block''s records',
    records UInt64 COMMENT 'Records in the block' CODEC(T64, ZSTD(1)),
    events UInt64 COMMENT 'Records that became events' CODEC(T64, ZSTD(1)),
    dead_letters UInt64 COMMENT 'Records that became dead letters' CODEC(T64, ZSTD(1)),
    deletions UInt64 COMMENT 'Records that are deletions' CODEC(T64, ZSTD(1)),
    tags UInt64 COMMENT 'Tags written' CODEC(T64, ZSTD(1)),
    dropped String COMMENT 'JSON object: tags not written, by reason' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (topic, partition, log, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Finished blocks, one row each';
