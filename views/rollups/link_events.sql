-- One row per change of a merge or of a membership: the whole of it after the change. Filled from catalog_events.
-- A deletion names it by its id alone.
CREATE TABLE IF NOT EXISTS link_events
(
    kind LowCardinality(String) COMMENT 'merge or membership',
    id String COMMENT 'Merge or membership' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    entity_kind LowCardinality(String) COMMENT 'What is merged: identity or campaign',
    loser_id String COMMENT 'What is merged' CODEC(ZSTD(1)),
    winner_id String COMMENT 'What it is merged into' CODEC(ZSTD(1)),
    attacker_id String COMMENT 'Attacker who is an identity' CODEC(ZSTD(1)),
    identity_id String COMMENT 'That identity' CODEC(ZSTD(1)),
    from_time DateTime64(3, 'UTC') COMMENT 'Since when, UTC; 1970: always' CODEC(ZSTD(1)),
    to_time DateTime64(3, 'UTC') COMMENT 'Until when, not in it, UTC; 2299-12-31: open' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (kind, id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Changes of merges of identities and campaigns, and of memberships of attackers in identities';
