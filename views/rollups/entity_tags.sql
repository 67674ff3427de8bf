-- One row per tag and entity it is anchored to: the narrow copy of tags that answers for one identity,
-- attacker or session. Ordered by entity, so that an answer reads neighbours; exact under replays.
CREATE TABLE IF NOT EXISTS entity_tags
(
    entity_kind LowCardinality(String) COMMENT 'identity, attacker or session',
    entity_id String COMMENT 'Id of the entity within its kind' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the event happened, UTC' CODEC(Delta, ZSTD(1)),
    identity_id String COMMENT 'Identity that the tag itself names, empty if none' CODEC(ZSTD(1)),
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique, the parent: Tnnnn',
    sub_technique_id LowCardinality(String) COMMENT 'Full id of the sub-technique, empty if none',
    tactic LowCardinality(String) COMMENT 'ATT&CK tactic id',
    confidence Float64 COMMENT 'How sure the rule is, 0.3 to 1' CODEC(ZSTD(1)),
    digest UInt64 COMMENT 'Hash of the tag and of its place in Kafka' CODEC(NONE),
    is_superseded Bool COMMENT 'A retag has put another version of the rule in its place'
)
ENGINE = MergeTree
ORDER BY (entity_kind, entity_id, event_time)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, index_granularity = 1024,
    min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true
COMMENT 'Tags by the identity, attacker and session they are anchored to';
