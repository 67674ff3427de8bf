-- One row per active technique and sub-technique as it is now: how sure we are to detect it.
-- after: technique_confidence
CREATE OR REPLACE VIEW v1_confidence
(
    technique_id String COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id',
    status String COMMENT 'Coverage: validated, partial or none',
    level String COMMENT 'unknown (no detections), very_low, low, medium or high',
    score Nullable(Float64) COMMENT '0 to 100: the weighted sum of the four factors; null without detections',
    recency Nullable(Float64) COMMENT 'Factor, 0 to 1: age of the newest success; null without detections',
    coverage Nullable(Float64) COMMENT 'Factor, 0 to 1: best valid detection; null without detections',
    health Nullable(Float64) COMMENT 'Factor, 0 to 1: best validated asset; null without detections',
    diversity Nullable(Float64) COMMENT 'Factor, 0 to 1: kinds of asset and log source; null without detections',
    detection_count UInt64 COMMENT 'Detection assets mapped to it that count',
    valid_detection_count UInt64 COMMENT 'Those with a valid validation that says detected or partially',
    last_validated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Newest validation, UTC; null if never',
    next_validation_due Nullable(DateTime64(3, 'UTC')) COMMENT 'When the next one is due, UTC; null without a valid one',
    risk_factors Array(String) COMMENT 'no_valid_detection, single_detection, silent, noisy, expiring_soon, stale, failed_last_test, rule_changed',
    test_count UInt64 COMMENT 'Validated tests of exactly this technique',
    detection_rate Nullable(Float64) COMMENT 'Share of them that was detected, 0 to 1, newer ones weighing more; null without tests',
    detection_rate_lower_bound Nullable(Float64) COMMENT 'One-sided 90 % lower bound of the rate, 0 to 1; null without tests',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    technique_id,
    status,
    level,
    if(c.detection_count = 0, NULL, c.score) AS score,
    if(c.detection_count = 0, NULL, c.recency) AS recency,
    if(c.detection_count = 0, NULL, c.coverage) AS coverage,
    if(c.detection_count = 0, NULL, c.health) AS health,
    if(c.detection_count = 0, NULL, c.diversity) AS diversity,
    c.detection_count AS detection_count,
    valid_detection_count,
    last_validated_at,
    next_validation_due,
    risk_factors,
    test_count,
    detection_rate,
    detection_rate_lower_bound,
    last_recalculated_at AS computed_at
FROM technique_confidence(at_s = toUnixTimestamp64Milli(now64(3)) / 1000) AS c
COMMENT 'Confidence to detect each ATT&CK technique now';
