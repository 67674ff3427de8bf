-- One row per (event, rule, emit): a rule matched and says which technique. In text columns '' is absent.
-- The last two columns are a retag's; inserts leave them out.
-- Ordered by event time: lists run newest first, and the broken days at the ends of a range that a
-- rollup by day cannot answer are neighbours here. Small granules and small compressed blocks, since the newest tags of
-- an identity lie in as many places as there are of them; listed has in one column what would be read of 25 in each.
-- Each part costs every question: a month that had no new tags for a day becomes one.
-- setting: ttl_days = 0 (kept)
CREATE TABLE IF NOT EXISTS tags
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    tag_id UUID COMMENT 'UUIDv5 of source, rule, rule version and technique: equal on every path',
    source_kind LowCardinality(String) COMMENT 'Kind of the event that matched',
    source_id String COMMENT 'Id of the event that matched' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the event happened, UTC' CODEC(Delta, ZSTD(1)),
    tagged_time DateTime64(3, 'UTC') COMMENT 'When the tag was made, UTC' CODEC(Delta, ZSTD(1)),
    identity_id String COMMENT 'Actor, where the producer knows it' CODEC(ZSTD(1)),
    attacker_id String COMMENT 'Source the actor came from, such as an address' CODEC(ZSTD(1)),
    session_id String COMMENT 'Session' CODEC(ZSTD(1)),
    host LowCardinality(String) COMMENT 'Machine it happened on',
    user String COMMENT 'Account it was done with' CODEC(ZSTD(1)),
    decoy LowCardinality(String) COMMENT 'Decoy or sensor that saw it',
    tactic LowCardinality(String) COMMENT 'ATT&CK tactic id, the first of tactics',
    tactics Array(LowCardinality(String)) COMMENT 'ATT&CK tactic ids in catalogue order',
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique, the parent: Tnnnn',
    sub_technique_id LowCardinality(String) COMMENT 'Full id of the sub-technique: Tnnnn.nnn',
    confidence Float64 COMMENT 'How sure the rule is, 0.3 to 1',
    severity LowCardinality(String) COMMENT 'informational, low, medium, high or critical',
    rule_id LowCardinality(String) COMMENT 'Rule that matched',
    rule_version LowCardinality(String) COMMENT 'Declared version ~ first 8 hex digits of the logic hash',
    rule_hash LowCardinality(String) COMMENT 'SHA-256 of the rule''s text',
    evidence String COMMENT 'JSON object: the fields that made the rule match' CODEC(ZSTD(1)),
    attack_release LowCardinality(String) COMMENT 'ATT&CK release that the ids are of',
    in_release Bool COMMENT 'The release knows the technique',
    is_superseded Bool DEFAULT false COMMENT 'A retag has put another version of the rule in its place',
    retagged_time DateTime64(3, 'UTC') DEFAULT toDateTime64(0, 3, 'UTC') COMMENT 'When a retag last said so, or took it back, UTC; 1970: none did',
    listed String MATERIALIZED toJSONString((
        log, topic, partition, offset, toString(ingest_time), source_kind, source_id, toString(tagged_time), identity_id,
        attacker_id, session_id, host, user, decoy, tactic, tactics, technique_id, sub_technique_id, severity, rule_id,
        rule_version, rule_hash, evidence, attack_release, in_release, confidence))
        COMMENT 'What a list shows of the tag, as JSON' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ingest_time)
ORDER BY (event_time, tag_id)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, index_granularity = 1024,
    min_compress_block_size = 8192, max_compress_block_size = 65536,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = true
COMMENT 'ATT&CK tags, one row per event, rule and technique';
