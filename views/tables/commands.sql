-- One row per accepted record of ttp.commands: a thing that an actor did. In text columns '' is absent.
-- Ordered by event time, so that timelines, look-backs of correlations and ranges read neighbours.
-- setting: ttl_days = 90
CREATE TABLE IF NOT EXISTS commands
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When it happened, UTC' CODEC(Delta, ZSTD(1)),
    is_time_capped Bool COMMENT 'The producer''s clock was too far ahead: event_time was capped',
    is_time_estimated Bool COMMENT 'The record stated no time: event_time is record_time',
    event_id String COMMENT 'Producer''s id, else log:topic:partition:offset' CODEC(ZSTD(1)),
    kind LowCardinality(String) COMMENT 'Source kind: command, process, http_request, …',
    source LowCardinality(String) COMMENT 'Source definition that recognised the record, or envelope',
    product LowCardinality(String) COMMENT 'Sigma log source: product',
    service LowCardinality(String) COMMENT 'Sigma log source: service',
    category LowCardinality(String) COMMENT 'Sigma log source: category',
    identity_id String COMMENT 'Actor, where the producer knows it' CODEC(ZSTD(1)),
    attacker_id String COMMENT 'Source the actor came from, such as an address' CODEC(ZSTD(1)),
    session_id String COMMENT 'Session' CODEC(ZSTD(1)),
    host LowCardinality(String) COMMENT 'Machine it happened on',
    user String COMMENT 'Account it was done with' CODEC(ZSTD(1)),
    decoy LowCardinality(String) COMMENT 'Decoy or sensor that saw it',
    command_text String COMMENT 'Command line, request or text that was searched' CODEC(ZSTD(1)),
    raw String COMMENT 'The record as it came; empty unless a rule matched or config keeps all' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ingest_time)
ORDER BY (event_time, partition, offset)
TTL toDateTime(ingest_time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, ttl_only_drop_parts = 1
COMMENT 'Things that actors did, one row per accepted record of ttp.commands';
