-- One row per group of tests and stage: how many of the tests that began with from_s <= begun < to_s (epoch
-- seconds) were seen within 24 hours, and how fast; as of to_s or, where that is in the future, now. Tests that
-- were not seen are censored, not left out.
-- after: observed_summary
CREATE OR REPLACE VIEW v1_observed_summary
(
    group_kind String COMMENT 'all, tactic, technique (the parent) or platform; a technique of several tactics counts in each',
    group_value String COMMENT 'Which one; empty for all',
    stage String COMMENT 'detected, hit, ingested, tagged, alerted, acknowledged or validated',
    tests UInt64 COMMENT 'Tests of the group that something can be said of',
    reached UInt64 COMMENT 'Tests that reached the stage within 24 hours',
    reached_share Nullable(Float64) COMMENT 'reached / tests, 0 to 1; null without tests',
    p50_seconds Nullable(Float64) COMMENT 'Kaplan-Meier median, seconds; null where less than half reached it',
    p90_seconds Nullable(Float64) COMMENT 'Kaplan-Meier 90 % quantile, seconds; null where less than 90 % reached it',
    p95_seconds Nullable(Float64) COMMENT 'Kaplan-Meier 95 % quantile, seconds; null where less than 95 % reached it',
    coincidental UInt64 COMMENT 'Tests whose technique was seen on their machines without a test before',
    miss_reasons Map(String, UInt64) COMMENT 'Tests without an alert, by reason',
    disagreements Map(String, UInt64) COMMENT 'Tests of which blue says otherwise, by kind',
    excluded Map(String, UInt64) COMMENT 'Tests of which nothing can be said, by reason',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    group_kind, group_value, stage, tests, reached, reached_share, p50_seconds, p90_seconds, p95_seconds,
    coincidental, miss_reasons, disagreements, excluded, now64(3, 'UTC') AS computed_at
FROM observed_summary(
    at_s = least({to_s:Float64}, toUnixTimestamp64Milli(now64(3)) / 1000),
    from_s = {from_s:Float64}, to_s = {to_s:Float64},
    exercise = '', technique_id = '', tactic = '', platform = '', team = '')
COMMENT 'Observed detection of the tests of a time range, by group and stage';
