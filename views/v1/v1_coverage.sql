-- One row per active technique and sub-technique as it is now: whether detections of it are validated, and
-- beside that whether a rule could detect it and whether it was seen.
-- after: coverage
CREATE OR REPLACE VIEW v1_coverage
(
    technique_id String COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id',
    domain String COMMENT 'enterprise-attack or ics-attack; coverage in per cent is counted over enterprise-attack',
    status String COMMENT 'validated, partial (partly detected, or through a sub-technique only) or none',
    detection_count UInt64 COMMENT 'Detection assets mapped to it that count',
    valid_detection_count UInt64 COMMENT 'Those with a valid validation that says detected or partially',
    can_detect Bool COMMENT 'A rule in service is mapped to it and its log source arrived in the last 30 days',
    tags UInt64 COMMENT 'Tags of it, its sub-techniques'' included',
    tags_30d UInt64 COMMENT 'Tags in the last 30 days, its sub-techniques'' included',
    last_tag_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time of the latest tag, UTC; null if never seen',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    technique_id, domain, status, detection_count, valid_detection_count, can_detect, tags, tags_30d,
    CAST(c.last_tag_at, 'Nullable(DateTime64(3, \'UTC\'))') AS last_tag_at,
    now64(3, 'UTC') AS computed_at
FROM coverage(at_s = toUnixTimestamp64Milli(now64(3)) / 1000) AS c
COMMENT 'Coverage of each ATT&CK technique now';
