-- One row per row of tag_days whose first or last time is not that of the tags it counts: a retag has taken the
-- tag at that end away. Only where one key has tags on both sides of is_superseded can that be so; of those whose
-- tags are no longer there nothing is said.
CREATE OR REPLACE VIEW tag_days_ends AS
SELECT
    held.*,
    toString(cityHash64(day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence,
        is_superseded)) AS key_hash,
    toString(toUnixTimestamp64Milli(found.first)) AS first_ms,
    toString(toUnixTimestamp64Milli(found.last)) AS last_ms,
    found.first > held.first OR found.last < held.last AS is_narrower,
    found.first < held.first OR found.last > held.last AS is_wider
FROM
(
    SELECT
        day,
        technique_id,
        sub_technique_id,
        tactic,
        tactics,
        rule_id,
        rule_version,
        confidence,
        is_superseded,
        min(first_seen) AS first,
        max(last_seen) AS last
    FROM tag_days
    WHERE (day, rule_id, rule_version) IN (
        SELECT day, rule_id, rule_version
        FROM tag_days
        WHERE (rule_id, rule_version) IN (SELECT rule_id, rule_version FROM tag_days WHERE is_superseded)
        GROUP BY day, rule_id, rule_version
        HAVING min(is_superseded) != max(is_superseded))
    GROUP BY ALL
) AS held
INNER JOIN
(
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
        min(event_time) AS first,
        max(event_time) AS last
    FROM tags
    WHERE (toDate(event_time), rule_id, rule_version) IN (
        SELECT day, rule_id, rule_version
        FROM tag_days
        WHERE (rule_id, rule_version) IN (SELECT rule_id, rule_version FROM tag_days WHERE is_superseded)
        GROUP BY day, rule_id, rule_version
        HAVING min(is_superseded) != max(is_superseded))
    GROUP BY ALL
) AS found USING (day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded)
WHERE found.first != held.first OR found.last != held.last;
