-- Parts that are old are merged into one, since each costs every question: of rows that come for ever once a day, of
-- tags a month that had no new ones for a day, of spans that replace each other every ten minutes. (A database may
-- have no test_spans yet.)
-- changes: tables/tags.sql, rollups/entity_tags.sql, rollups/tag_days.sql, rollups/tag_months.sql
-- changes: rollups/alert_changes.sql, rollups/validation_spans.sql, rollups/test_spans.sql
ALTER TABLE tags MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = true;

ALTER TABLE entity_tags MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true;

ALTER TABLE tag_days MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true;

ALTER TABLE tag_months MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true;

ALTER TABLE alert_changes MODIFY SETTING min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true;

ALTER TABLE validation_spans MODIFY SETTING min_age_to_force_merge_seconds = 600;

CREATE TABLE IF NOT EXISTS test_spans
(
    test_id String COMMENT 'Test, with the system it comes from' CODEC(ZSTD(1)),
    round UInt32 COMMENT 'Execution number, from 1',
    from_time DateTime64(3, 'UTC') COMMENT 'Start of the span, UTC' CODEC(Delta, ZSTD(1)),
    to_time DateTime64(3, 'UTC') COMMENT 'End of the span, not in it, UTC; 2299-12-31: the last' CODEC(ZSTD(1)),
    is_begun Bool COMMENT 'The round has an update of its own by then',
    latest_until DateTime64(3, 'UTC') COMMENT 'When a later round begins, UTC; 2299-12-31: none' CODEC(ZSTD(1)),
    created_at DateTime64(3, 'UTC') COMMENT 'First update of the round, UTC; 1970: none' CODEC(ZSTD(1)),
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique under test, or empty',
    machines Array(LowCardinality(String)) COMMENT 'Machines it ran on or was aimed at, lower case, short names and addresses',
    state LowCardinality(String) COMMENT 'draft, red_executing, blue_evaluating, in_review, validated or rejected, or empty',
    detection_result LowCardinality(String) COMMENT 'detected, partially_detected or not_detected, or empty',
    red_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Execution began, UTC' CODEC(ZSTD(1)),
    updates UInt32 COMMENT 'Updates of the test that this row was made of'
)
ENGINE = ReplacingMergeTree(updates)
ORDER BY (test_id, round, from_time)
SETTINGS min_age_to_force_merge_seconds = 600
COMMENT 'Tests, round by round and span by span';

ALTER TABLE test_spans MODIFY SETTING min_age_to_force_merge_seconds = 600;
