-- One row per day as it was reported on that day by the daily run. It does not change afterwards, even where
-- records that arrive late would now give another answer (v1_coverage_total recomputes).
CREATE OR REPLACE VIEW v1_coverage_daily
(
    day Date COMMENT 'Day that the snapshot is of',
    coverage_pct Nullable(Float64) COMMENT '(validated + 0.5 × partial) / total × 100; null without techniques',
    validated UInt64 COMMENT 'Techniques with status validated',
    partial UInt64 COMMENT 'Techniques with status partial',
    total UInt64 COMMENT 'Active enterprise techniques and sub-techniques of the release',
    attack_release String COMMENT 'ATT&CK release that total is of',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the daily run computed it, UTC'
) AS
SELECT
    toDate(id) AS day,
    argMin(JSONExtract(entity, 'coverage_pct', 'Nullable(Float64)'), version) AS coverage_pct,
    argMin(JSONExtractUInt(entity, 'validated'), version) AS validated,
    argMin(JSONExtractUInt(entity, 'partial'), version) AS partial,
    argMin(JSONExtractUInt(entity, 'total'), version) AS total,
    argMin(JSONExtractString(entity, 'attack_release'), version) AS attack_release,
    argMin(parseDateTime64BestEffort(JSONExtractString(entity, 'computed_at'), 3, 'UTC'), version) AS computed_at
FROM catalog_events
WHERE kind = 'coverage_snapshot' AND op = 'put'
GROUP BY day
COMMENT 'Coverage as it was reported each day';
