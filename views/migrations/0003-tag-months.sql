-- tag_months, from all tags that are there: what is asked about long times reads it instead of tag_days.
CREATE TABLE IF NOT EXISTS tag_months
(
    month Date COMMENT 'First UTC day of the month of the event time',
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique, the parent: Tnnnn',
    sub_technique_id LowCardinality(String) COMMENT 'Full id of the sub-technique, empty if none',
    tactic LowCardinality(String) COMMENT 'ATT&CK tactic id, the first of tactics',
    rule_id LowCardinality(String) COMMENT 'Rule that matched',
    rule_version LowCardinality(String) COMMENT 'Its version',
    confidence Float64 COMMENT 'Confidence of the tags, 0.3 to 1',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Number of tags',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest event time, UTC',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest event time, UTC'
)
ENGINE = AggregatingMergeTree
ORDER BY (month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Tags per month, technique, rule version and confidence';

CREATE MATERIALIZED VIEW IF NOT EXISTS tag_months_from_tags TO tag_months AS
SELECT
    toStartOfMonth(event_time) AS month,
    technique_id,
    sub_technique_id,
    tactic,
    rule_id,
    rule_version,
    confidence,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen
FROM tags
GROUP BY month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence;

TRUNCATE TABLE tag_months SYNC;

INSERT INTO tag_months
SELECT
    toStartOfMonth(event_time) AS month,
    technique_id,
    sub_technique_id,
    tactic,
    rule_id,
    rule_version,
    confidence,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen
FROM tags
GROUP BY month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence;
