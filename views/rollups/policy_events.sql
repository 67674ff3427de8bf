-- One row per change of a decay policy: the whole policy after it. Filled from catalog_events.
-- '' applies to any. Two are here from the start, since 1970: default and strict-initial-access; a record of
-- the catalogue under either id takes its place.
CREATE TABLE IF NOT EXISTS policy_events
(
    policy_id String COMMENT 'Decay policy' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the change took effect, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    op LowCardinality(String) COMMENT 'put or delete',
    actor LowCardinality(String) COMMENT 'Who made the change',
    reason String COMMENT 'Why, in their words' CODEC(ZSTD(1)),
    name String COMMENT 'Name' CODEC(ZSTD(1)),
    description String COMMENT 'Description' CODEC(ZSTD(1)),
    applies_to_platform LowCardinality(String) COMMENT 'Platform of the asset, lower case',
    applies_to_asset_type LowCardinality(String) COMMENT 'Type of the asset',
    applies_to_tactic LowCardinality(String) COMMENT 'ATT&CK tactic id of the technique',
    fresh_days Float64 COMMENT 'Age up to which a success counts fully, days',
    aging_days Float64 COMMENT 'Age at which it counts half, days',
    stale_days Float64 COMMENT 'Age from which it counts nothing, days',
    default_validity_days Float64 COMMENT 'How long a validation is valid unless it says, days',
    silent_days Float64 COMMENT 'Silence after which an asset is silent, days',
    noisy_alerts_per_day UInt32 COMMENT 'Alerts in a UTC day above which an asset is noisy',
    weight_recency Float64 COMMENT 'Share of recency in the score, 0 to 1',
    weight_coverage Float64 COMMENT 'Share of coverage in the score, 0 to 1',
    weight_health Float64 COMMENT 'Share of health in the score, 0 to 1',
    weight_diversity Float64 COMMENT 'Share of diversity in the score, 0 to 1',
    is_default Bool COMMENT 'Governs where no other does',
    is_active Bool COMMENT 'In force',
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of changes: event time, record time, partition, offset' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (policy_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Changes of decay policies';

INSERT INTO policy_events
SELECT seed.* EXCEPT (seeded)
FROM
(
    SELECT
        arrayJoin([
            ('default', 'Default', '', 90., 180., 365., 180., 30., true),
            ('strict-initial-access', 'Strict for initial access', 'TA0001', 45., 90., 182., 90., 15., false)
        ]) AS seeded,
        seeded.1 AS policy_id,
        toDateTime64(0, 3, 'UTC') AS event_time,
        toDateTime64(0, 3, 'UTC') AS record_time,
        0 AS partition,
        0 AS offset,
        'put' AS op,
        'ttpstream' AS actor,
        'Built in' AS reason,
        seeded.2 AS name,
        '' AS description,
        '' AS applies_to_platform,
        '' AS applies_to_asset_type,
        seeded.3 AS applies_to_tactic,
        seeded.4 AS fresh_days,
        seeded.5 AS aging_days,
        seeded.6 AS stale_days,
        seeded.7 AS default_validity_days,
        seeded.8 AS silent_days,
        100 AS noisy_alerts_per_day,
        0.30 AS weight_recency,
        0.30 AS weight_coverage,
        0.25 AS weight_health,
        0.15 AS weight_diversity,
        seeded.9 AS is_default,
        true AS is_active
) AS seed
WHERE (SELECT count() FROM policy_events) = 0;
