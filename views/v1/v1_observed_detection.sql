-- One row per test as it is now: what was really seen of it in tags and alerts, whoever said what.
-- A tag or alert of its technique on its machine counts within 24 hours after it began.
-- after: observed_detection
CREATE OR REPLACE VIEW v1_observed_detection
(
    test_id String COMMENT 'Id of the test: joins v1_tests.test_id',
    round UInt32 COMMENT 'Round, the latest',
    technique_id Nullable(String) COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id; null if none',
    platform Nullable(String) COMMENT 'Platform; null if none',
    red_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Red began, UTC; null if not yet',
    excluded_reason Nullable(String) COMMENT 'Why nothing can be said: unknown_state, not_begun, no_technique, no_machine; null if it can',
    hits UInt64 COMMENT 'Tags that were assigned to the test',
    alerts UInt64 COMMENT 'Alerts that were assigned to the test',
    is_parent_match_only Bool COMMENT 'Seen as the parent or a sub-technique only, never as the technique itself',
    is_coincidental Bool COMMENT 'In the 7 days before, the same was seen on its machines without a test',
    detected_seconds Nullable(Float64) COMMENT 'Seconds from red_started_at to the first tag or alert; null if none within 24 hours',
    hit_seconds Nullable(Float64) COMMENT 'Seconds to the first tag''s event; null if none',
    ingested_seconds Nullable(Float64) COMMENT 'Seconds until it was taken in; null if none',
    tagged_seconds Nullable(Float64) COMMENT 'Seconds until it was tagged; null if none',
    alerted_seconds Nullable(Float64) COMMENT 'Seconds to the first alert; null if none',
    acknowledged_seconds Nullable(Float64) COMMENT 'Seconds until an alert was acknowledged; null if none',
    validated_seconds Nullable(Float64) COMMENT 'Seconds until blue''s decision; null if none',
    censored_seconds Nullable(Float64) COMMENT 'Seconds it was looked for: 86400, or the age of a younger test; null if excluded',
    miss_reason Nullable(String) COMMENT 'Why no alert: no_events, no_rule_matched, rule_matched_no_alert, alert_wrong_technique; else null',
    disagreement Nullable(String) COMMENT 'said_detected: blue says so, nothing was seen; said_missed: the reverse; else null'
) AS
SELECT
    test_id, round, technique_id, platform, red_started_at, excluded_reason, hits, alerts, is_parent_match_only,
    is_coincidental, detected_seconds, hit_seconds, ingested_seconds, tagged_seconds, alerted_seconds,
    acknowledged_seconds, validated_seconds, censored_seconds, miss_reason, disagreement
FROM observed_detection(
    at_s = toUnixTimestamp64Milli(now64(3)) / 1000, from_s = 0, to_s = 4102444800,
    exercise = '', technique_id = '', tactic = '', platform = '', team = '')
COMMENT 'What was really seen of each purple-team test';
