-- One row per row of tag_months whose first or last time is not that of its days: tag_days_ends once more.
CREATE OR REPLACE VIEW tag_months_ends AS
SELECT
    held.*,
    toString(cityHash64(month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence,
        is_superseded)) AS key_hash,
    toString(toUnixTimestamp64Milli(found.first)) AS first_ms,
    toString(toUnixTimestamp64Milli(found.last)) AS last_ms,
    found.first > held.first OR found.last < held.last AS is_narrower,
    found.first < held.first OR found.last > held.last AS is_wider
FROM
(
    SELECT
        month,
        technique_id,
        sub_technique_id,
        tactic,
        rule_id,
        rule_version,
        confidence,
        is_superseded,
        min(first_seen) AS first,
        max(last_seen) AS last
    FROM tag_months
    WHERE (rule_id, rule_version) IN (SELECT rule_id, rule_version FROM tag_months WHERE is_superseded)
    GROUP BY ALL
) AS held
INNER JOIN
(
    SELECT
        toStartOfMonth(day) AS month,
        technique_id,
        sub_technique_id,
        tactic,
        rule_id,
        rule_version,
        confidence,
        is_superseded,
        min(first_seen) AS first,
        max(last_seen) AS last
    FROM tag_days
    WHERE (rule_id, rule_version) IN (SELECT rule_id, rule_version FROM tag_months WHERE is_superseded)
    GROUP BY ALL
) AS found USING (month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence, is_superseded)
WHERE found.first != held.first OR found.last != held.last;
