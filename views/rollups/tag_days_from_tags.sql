-- Fills tag_days from every insert into tags.
-- after: tag_days
CREATE MATERIALIZED VIEW IF NOT EXISTS tag_days_from_tags TO tag_days AS
SELECT
    toDate(event_time) AS day,
    technique_id,
    sub_technique_id,
    tactic,
    tactics,
    rule_id,
    rule_version,
    confidence,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    is_superseded
FROM tags
GROUP BY day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded;
