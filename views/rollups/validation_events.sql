-- One row per record of a validation: somebody saw, or did not see, an asset detect a technique. Filled
-- from catalog_events. Validations are immutable: of several rows of one id the first by version counts.
CREATE TABLE IF NOT EXISTS validation_events
(
    validation_id String COMMENT 'Validation' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    asset_id String COMMENT 'Detection asset' CODEC(ZSTD(1)),
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique; empty: every technique the asset is mapped to',
    test_id String COMMENT 'Test that showed it, empty if none' CODEC(ZSTD(1)),
    validated_at DateTime64(3, 'UTC') COMMENT 'When it was seen, UTC',
    validated_by LowCardinality(String) COMMENT 'Who saw it',
    expires_at DateTime64(3, 'UTC') COMMENT 'When it stops being valid, UTC',
    is_expiry_default Bool COMMENT 'The record stated no end: the policy that governs the asset decides',
    validation_result LowCardinality(String) COMMENT 'detected, partially_detected or not_detected',
    validation_method LowCardinality(String) COMMENT 'How it was seen',
    rule_hash String COMMENT 'Of the asset then, where stated; empty: as the asset was at validated_at' CODEC(ZSTD(1)),
    logic_hash String COMMENT 'As rule_hash' CODEC(ZSTD(1)),
    log_source_version LowCardinality(String) COMMENT 'As rule_hash',
    infrastructure_hash String COMMENT 'As rule_hash' CODEC(ZSTD(1)),
    evidence_ids Array(String) COMMENT 'Evidence' CODEC(ZSTD(1)),
    notes String COMMENT 'Notes' CODEC(ZSTD(1)),
    integrity_hash String COMMENT 'HMAC-SHA-256 over the canonical content' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (validation_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Validations of detection assets';
