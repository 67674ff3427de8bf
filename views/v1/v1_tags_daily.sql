-- One row per UTC day of event time, technique, tactic and rule version with tags. Superseded ones do not count.
CREATE OR REPLACE VIEW v1_tags_daily
(
    day Date COMMENT 'UTC day of the event time',
    attack_id String COMMENT 'The sub-technique if one is named, else the technique: joins v1_techniques.technique_id',
    technique_id String COMMENT 'Technique, of a sub-technique its parent: Tnnnn',
    sub_technique_id Nullable(String) COMMENT 'Tnnnn.nnn; null if none is named',
    tactic_id String COMMENT 'TAnnnn: the first tactic of the tags',
    rule_id String COMMENT 'Rule that matched',
    rule_version String COMMENT 'Its version',
    tags UInt64 COMMENT 'Number of tags',
    first_seen DateTime64(3, 'UTC') COMMENT 'Earliest event time, UTC',
    last_seen DateTime64(3, 'UTC') COMMENT 'Latest event time, UTC',
    confidence_max Float64 COMMENT 'Highest confidence, 0.3 to 1',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    d.day AS day,
    if(d.sub_technique_id = '', d.technique_id, d.sub_technique_id) AS attack_id,
    d.technique_id AS technique_id,
    nullIf(d.sub_technique_id, '') AS sub_technique_id,
    d.tactic AS tactic_id,
    d.rule_id AS rule_id,
    d.rule_version AS rule_version,
    sum(d.count) AS tags,
    toDateTime64(min(d.first_seen), 3, 'UTC') AS first_seen,
    toDateTime64(max(d.last_seen), 3, 'UTC') AS last_seen,
    max(d.confidence) AS confidence_max,
    now64(3, 'UTC') AS computed_at
FROM tag_days AS d
WHERE NOT d.is_superseded
GROUP BY d.day, d.technique_id, d.sub_technique_id, d.tactic, d.rule_id, d.rule_version
HAVING tags > 0
COMMENT 'Tags per UTC day, technique and rule';
