-- One row per change of a detection asset: the whole asset after it. Filled from catalog_events.
-- In text columns '' is absent.
CREATE TABLE IF NOT EXISTS asset_events
(
    asset_id String COMMENT 'Detection asset' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    name String COMMENT 'Name' CODEC(ZSTD(1)),
    description String COMMENT 'Description' CODEC(ZSTD(1)),
    asset_type LowCardinality(String) COMMENT 'Type, such as sigma or edr',
    platform LowCardinality(String) COMMENT 'Platform it watches, lower case',
    rule_language LowCardinality(String) COMMENT 'Language of the rule',
    rule_repository_url String COMMENT 'Repository of the rule' CODEC(ZSTD(1)),
    rule_file_path String COMMENT 'File of the rule in its repository' CODEC(ZSTD(1)),
    rule_version String COMMENT 'Version of the rule, such as a commit' CODEC(ZSTD(1)),
    rule_hash String COMMENT 'SHA-256 of the rule''s text' CODEC(ZSTD(1)),
    logic_hash String COMMENT 'SHA-256 of the rule''s compiled form, where we compile it' CODEC(ZSTD(1)),
    log_source_name LowCardinality(String) COMMENT 'Log source it reads',
    log_source_version LowCardinality(String) COMMENT 'Version of the log source',
    log_source_config String COMMENT 'JSON object: configuration of the log source' CODEC(ZSTD(1)),
    infrastructure_hash String COMMENT 'SHA-256 of infrastructure_details in canonical JSON' CODEC(ZSTD(1)),
    infrastructure_details String COMMENT 'JSON object: what it runs on' CODEC(ZSTD(1)),
    expected_alert_frequency LowCardinality(String) COMMENT 'How often it should alert, in words',
    owner_id LowCardinality(String) COMMENT 'Owner',
    backup_owner_id LowCardinality(String) COMMENT 'Owner''s deputy',
    team LowCardinality(String) COMMENT 'Team',
    is_active Bool COMMENT 'In service; false after a deletion',
    adoption LowCardinality(String) COMMENT 'candidate: made from a rule and not yet adopted; else adopted',
    tags Array(LowCardinality(String)) COMMENT 'Labels',
    asset_metadata String COMMENT 'JSON object: anything else' CODEC(ZSTD(1)),
    external_ids Array(Tuple(system LowCardinality(String), id String)) COMMENT 'Its names in other systems',
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (asset_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Changes of detection assets, one row per change with the whole asset';
