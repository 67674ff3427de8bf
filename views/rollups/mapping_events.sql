-- One row per change of a mapping of a detection asset to a technique. Filled from catalog_events.
-- A deletion names the mapping by its id alone: asset and technique are then ''.
CREATE TABLE IF NOT EXISTS mapping_events
(
    mapping_id String COMMENT 'Mapping' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    asset_id String COMMENT 'Detection asset' CODEC(ZSTD(1)),
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique, Tnnnn or Tnnnn.nnn',
    coverage_type LowCardinality(String) COMMENT 'What the asset does about it, such as detect',
    confidence_level LowCardinality(String) COMMENT 'low, medium or high',
    notes String COMMENT 'Notes' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (mapping_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Changes of the mappings of detection assets to techniques';
