-- One row per accepted record of ttp.tests: a partial update of one purple-team test.
-- State as of T is the latest non-null of each column by version; [] is absent.
-- setting: ttl_days = 0 (kept)
CREATE TABLE IF NOT EXISTS test_events
(
    log LowCardinality(String) COMMENT 'Incarnation of the partition that the record was read from',
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset' CODEC(Delta, ZSTD(1)),
    ingest_time DateTime64(3, 'UTC') COMMENT 'When the block was taken in, UTC' CODEC(Delta, ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC' CODEC(Delta, ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the update happened, UTC' CODEC(Delta, ZSTD(1)),
    is_time_capped Bool COMMENT 'The producer''s clock was too far ahead: event_time was capped',
    is_time_estimated Bool COMMENT 'The record stated no time: event_time is record_time',
    test_id String COMMENT 'Test, with the system it comes from' CODEC(ZSTD(1)),
    round Nullable(UInt32) COMMENT 'Execution number that the update is about, from 1; null: the current one',
    exercise LowCardinality(Nullable(String)) COMMENT 'Exercise or campaign of tests',
    name Nullable(String) COMMENT 'Name of the test' CODEC(ZSTD(1)),
    procedure_id LowCardinality(Nullable(String)) COMMENT 'Procedure that was run',
    technique_id LowCardinality(Nullable(String)) COMMENT 'ATT&CK technique under test, Tnnnn or Tnnnn.nnn',
    platform LowCardinality(Nullable(String)) COMMENT 'Platform it ran on',
    red_team LowCardinality(Nullable(String)) COMMENT 'Team that executes',
    blue_team LowCardinality(Nullable(String)) COMMENT 'Team that detects',
    hosts Array(LowCardinality(String)) COMMENT 'Machines it runs on, lower case, full and short names',
    targets Array(LowCardinality(String)) COMMENT 'Machines it is aimed at, lower case, full and short names',
    users Array(LowCardinality(String)) COMMENT 'Accounts it is run with, lower case',
    state LowCardinality(Nullable(String)) COMMENT 'draft, red_executing, blue_evaluating, in_review, validated or rejected',
    executed Nullable(Bool) COMMENT 'Whether it was executed',
    outcome LowCardinality(Nullable(String)) COMMENT 'Outcome in the source system''s words, lower case',
    detection_result LowCardinality(Nullable(String)) COMMENT 'detected, partially_detected or not_detected',
    red_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Execution began, UTC',
    red_ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Execution ended, UTC',
    red_paused_seconds Nullable(UInt32) COMMENT 'Pause within the execution, seconds',
    blue_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Blue team was given the test, UTC',
    blue_work_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Blue team began to work, UTC',
    blue_paused_seconds Nullable(UInt32) COMMENT 'Pause within the blue team''s work, seconds',
    red_validation_status LowCardinality(Nullable(String)) COMMENT 'Red lead''s word: approved or rejected',
    red_validated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the red lead gave it, UTC',
    blue_validation_status LowCardinality(Nullable(String)) COMMENT 'Blue lead''s word: approved or rejected',
    blue_validated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the blue lead gave it, UTC',
    detection_ids Array(String) COMMENT 'Ids of the detection results in this record',
    detection_asset_ids Array(String) COMMENT 'Detection asset of each result',
    detection_alert_ids Array(String) COMMENT 'Alert of each result',
    detection_triggered Array(Nullable(Bool)) COMMENT 'Whether each result''s detection triggered',
    cleared Array(LowCardinality(String)) COMMENT 'Columns that this record sets back to null',
    raw String COMMENT 'The record as it came' CODEC(ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(toUnixTimestamp64Milli(event_time)), 160)
        + bitShiftLeft(toUInt256(toUnixTimestamp64Milli(record_time)), 96)
        + bitShiftLeft(toUInt256(partition), 64)
        + toUInt256(offset) COMMENT 'Order of updates: event time, record time, partition, offset' CODEC(ZSTD(1)),
    INDEX offset_range offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
ORDER BY (test_id, event_time, record_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Partial updates of purple-team tests, one row per accepted record of ttp.tests';
