-- One row per day as it was reported on that day by the daily run. It does not change afterwards, even where
-- records that arrive late would now give another answer (v1_coverage_total recomputes).
-- after: coverage_snapshots
CREATE OR REPLACE VIEW v1_coverage_daily
(
    day Date COMMENT 'UTC day that the snapshot is of',
    coverage_pct Nullable(Float64) COMMENT '(validated + 0.5 × partial) / total × 100; null without techniques',
    validated UInt64 COMMENT 'Techniques with status validated',
    partial UInt64 COMMENT 'Techniques with status partial',
    total UInt64 COMMENT 'Active enterprise techniques and sub-techniques of the release',
    attack_release String COMMENT 'ATT&CK release that total is of',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the daily run computed it, UTC'
) AS
SELECT date AS day, coverage_pct, validated, partial, total, attack_release, computed_at
FROM coverage_snapshots(at_s = toUnixTimestamp64Milli(now64(3)) / 1000)
COMMENT 'Coverage as it was reported each day';
