-- One row per UTC day of event time, technique, rule version and confidence: how many tags, first and last.
-- Exact under replays, because the insert's token counts here too. Merging sums rows, so always aggregate. A
-- retag moves tags between the sides of is_superseded by rows that add on one and take away (2^64 - n) on the other.
CREATE TABLE IF NOT EXISTS tag_days
(
    day Date COMMENT 'UTC day of the event time',
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique, the parent: Tnnnn',
    sub_technique_id LowCardinality(String) COMMENT 'Full id of the sub-technique, empty if none',
    tactic LowCardinality(String) COMMENT 'ATT&CK tactic id, the first of tactics',
    tactics Array(LowCardinality(String)) COMMENT 'ATT&CK tactic ids in catalogue order',
    rule_id LowCardinality(String) COMMENT 'Rule that matched',
    rule_version LowCardinality(String) COMMENT 'Its version',
    confidence Float64 COMMENT 'Confidence of the tags, 0.3 to 1',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Number of tags',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest event time, UTC',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest event time, UTC',
    is_superseded Bool COMMENT 'Tags that a retag has put another version of the rule in the place of'
)
ENGINE = AggregatingMergeTree
PRIMARY KEY (day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence)
ORDER BY (day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20,
    min_age_to_force_merge_seconds = 86400, enable_max_bytes_limit_for_min_age_to_force_merge = true
COMMENT 'Tags per day, technique, rule version and confidence';
