-- One row per day and technique with a detection, as it was reported on that day by the daily run; v1_confidence
-- has what is so now. Days from before scores were reported have no rows.
-- after: coverage_snapshots
CREATE OR REPLACE VIEW v1_confidence_daily
(
    day Date COMMENT 'UTC day that the snapshot is of',
    technique_id String COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id',
    status String COMMENT 'Coverage: validated, partial or none',
    level String COMMENT 'very_low, low, medium or high',
    score Float64 COMMENT '0 to 100: the weighted sum of the four factors',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the daily run computed it, UTC'
) AS
SELECT
    date AS day,
    JSONExtractString(one, 'technique_id') AS technique_id,
    JSONExtractString(one, 'status') AS status,
    JSONExtractString(one, 'level') AS level,
    JSONExtractFloat(one, 'score') AS score,
    computed_at
FROM coverage_snapshots(at_s = toUnixTimestamp64Milli(now64(3)) / 1000)
ARRAY JOIN JSONExtractArrayRaw(techniques) AS one
COMMENT 'Confidence in each technique as it was reported each day';
