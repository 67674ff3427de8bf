-- tag_techniques where from_s and to_s are starts of UTC months, as those of all time are: tag_months alone tells it,
-- in two thirds of the time.
CREATE OR REPLACE VIEW tag_techniques_of_months AS
SELECT
    technique_id,
    sub_technique_id,
    tactic,
    sum(m.count) AS count,
    min(m.first_seen) AS first_seen,
    max(m.last_seen) AS last_seen,
    max(m.confidence) AS confidence_max
FROM tag_months AS m
WHERE month >= toDate(fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC'))
    AND month < toDate(fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC'))
    AND ({all_versions:Bool} OR NOT is_superseded)
    AND m.confidence >= {min_confidence:Float64}
GROUP BY technique_id, sub_technique_id, tactic
-- Until a retag is at its end, a row of a rollup may count no tags.
HAVING sum(m.count) > 0;
