-- One row: how many keys of tag_days and of tag_months have rows, but no tags: a retag has taken all away.
CREATE OR REPLACE VIEW tag_rollups_emptied AS
SELECT
    (
        SELECT count()
        FROM
        (
            SELECT 1
            FROM tag_days
            WHERE (rule_id, rule_version) IN (SELECT rule_id, rule_version FROM tag_days WHERE is_superseded)
            GROUP BY day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded
            HAVING sum(count) = 0
        )
    ) AS tag_days,
    (
        SELECT count()
        FROM
        (
            SELECT 1
            FROM tag_months
            WHERE (rule_id, rule_version) IN (SELECT rule_id, rule_version FROM tag_months WHERE is_superseded)
            GROUP BY month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence, is_superseded
            HAVING sum(count) = 0
        )
    ) AS tag_months;
