-- One row per accepted record of ttp.catalog: one change of one maintained entity, as the whole entity.
-- The typed tables in rollups/ are filled from here; state as of T is the newest row by version.
-- setting: ttl_days = 0 (kept)
CREATE TABLE IF NOT EXISTS catalog_events
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    is_time_capped Bool COMMENT 'The producer''s clock was too far ahead: event_time was capped',
    kind LowCardinality(String) COMMENT 'Kind of entity: detection_asset, mapping, validation, …',
    id String COMMENT 'Id of the entity within its kind' CODEC(ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    entity String COMMENT 'JSON object: the entity as it was sent' CODEC(ZSTD(3)),
    derived String COMMENT 'JSON object: defaults, normal forms and hashes; counts before entity' CODEC(ZSTD(3)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
ORDER BY (kind, id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Changes of maintained entities, one row per accepted record of ttp.catalog';
