-- Fills tag_months from every insert into tags.
-- after: tag_months
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
    max(event_time) AS last_seen,
    is_superseded
FROM tags
GROUP BY month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence, is_superseded;
