-- Two rows, mttd and mttr: how long the tests took that began with from_s <= begun < to_s (epoch seconds), in
-- their latest round as of to_s or, where that is in the future, now.
-- after: test_mttd, test_mttr
CREATE OR REPLACE VIEW v1_test_times
(
    metric String COMMENT 'mttd: execution to blue''s start; mttr: execution to blue''s decision',
    sample_size UInt64 COMMENT 'Tests with such a time',
    mean_hours Nullable(Float64) COMMENT 'Mean, hours, one decimal; null without tests',
    median_hours Nullable(Float64) COMMENT 'Element n div 2 of the sorted times, hours, one decimal; null without tests',
    min_hours Nullable(Float64) COMMENT 'Shortest, hours, one decimal; null without tests',
    max_hours Nullable(Float64) COMMENT 'Longest, hours, one decimal; null without tests',
    p50_hours Nullable(Float64) COMMENT 'Median, interpolated, hours; null without tests',
    p90_hours Nullable(Float64) COMMENT '90th percentile, interpolated, hours; null without tests',
    p95_hours Nullable(Float64) COMMENT '95th percentile, interpolated, hours; null without tests',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    metric, sample_size, mean_hours, median_hours, min_hours, max_hours, p50_hours, p90_hours, p95_hours,
    now64(3, 'UTC') AS computed_at
FROM
(
    SELECT 'mttd' AS metric, *
    FROM test_mttd(
        at_s = least({to_s:Float64}, toUnixTimestamp64Milli(now64(3)) / 1000),
        from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = '', technique_id = '', tactic = '', platform = '', team = '')
    UNION ALL
    SELECT 'mttr' AS metric, *
    FROM test_mttr(
        at_s = least({to_s:Float64}, toUnixTimestamp64Milli(now64(3)) / 1000),
        from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = '', technique_id = '', tactic = '', platform = '', team = '')
)
COMMENT 'MTTD and MTTR of the tests of a time range';
