-- One row per row of tag_days whose tags a retag has superseded, or reinstated, in a block of records at time_ms:
-- how many, and their ends. is_superseded is what they are now.
CREATE OR REPLACE VIEW retagged_days AS
SELECT
    toDate(event_time) AS day,
    technique_id,
    sub_technique_id,
    tactic,
    tactics,
    rule_id,
    rule_version,
    confidence,
    is_superseded,
    count() AS tags,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen
FROM tags
WHERE log = {log:String}
    AND topic = {topic:String}
    AND partition = {partition:UInt32}
    AND offset >= {first:UInt64}
    AND offset <= {last:UInt64}
    AND retagged_time = fromUnixTimestamp64Milli(toInt64({time_ms:UInt64}), 'UTC')
GROUP BY day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded
ORDER BY ALL;
