-- One row per event that a rule matched which a correlation refers to: what correlations count. In text
-- columns '' is absent. Ordered by rule and time: a correlation reads a span of a few rules.
-- setting: ttl_days = 90
CREATE TABLE IF NOT EXISTS rule_matches
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, or replayed, UTC' CODEC(Delta, ZSTD(1)),
    rule_id LowCardinality(String) COMMENT 'Rule that matched',
    rule_version LowCardinality(String) COMMENT 'Version of that rule',
    event_time DateTime64(3, 'UTC') COMMENT 'When the event happened, UTC' CODEC(Delta, ZSTD(1)),
    source_kind LowCardinality(String) COMMENT 'Kind of the event',
    source_id String COMMENT 'Id of the event' CODEC(ZSTD(1)),
    identity_id String COMMENT 'Actor, where the producer knows it' CODEC(ZSTD(1)),
    attacker_id String COMMENT 'Source the actor came from, such as an address' CODEC(ZSTD(1)),
    host LowCardinality(String) COMMENT 'Machine it happened on',
    user String COMMENT 'Account it was done with' CODEC(ZSTD(1)),
    field_names Array(LowCardinality(String)) COMMENT 'Fields that correlations group by or count, where the event has them',
    field_values Array(String) COMMENT 'Their values, in the same order' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1,
    INDEX ingested ingest_time TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ingest_time)
ORDER BY (rule_id, event_time, offset)
TTL toDateTime(ingest_time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Events that correlations count, one row per event and rule';
