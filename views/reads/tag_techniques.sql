-- One row per technique, sub-technique and tactic of the tags with from_s <= event time < to_s (epoch
-- seconds) and at least min_confidence. Whole months come from tag_months, the whole days around them from
-- tag_days, the broken days at either end from tags, so a tag counts as soon as it is written.
-- Superseded tags count only where all_versions is true.
CREATE OR REPLACE VIEW tag_techniques AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time,
    -- The first whole day and the one after the last. No whole day: both ends meet.
    toDate(from_time + toIntervalMillisecond(86399999)) AS first_day,
    greatest(toDate(to_time), first_day) AS end_day,
    -- Months likewise.
    if(toDayOfMonth(first_day) = 1, first_day, addMonths(toStartOfMonth(first_day), 1)) AS first_month,
    greatest(toStartOfMonth(end_day), first_month) AS end_month
SELECT
    technique_id,
    sub_technique_id,
    tactic,
    sum(part.tags) AS count,
    min(part.first) AS first_seen,
    max(part.last) AS last_seen,
    max(part.confidence) AS confidence_max
FROM
(
    SELECT
        technique_id,
        sub_technique_id,
        tactic,
        count AS tags,
        first_seen AS first,
        last_seen AS last,
        confidence
    FROM tag_months
    WHERE month >= first_month
        AND month < end_month
        AND ({all_versions:Bool} OR NOT is_superseded)
        AND tag_months.confidence >= {min_confidence:Float64}
    UNION ALL
    SELECT
        technique_id,
        sub_technique_id,
        tactic,
        count AS tags,
        first_seen AS first,
        last_seen AS last,
        confidence
    FROM tag_days
    WHERE day >= first_day
        AND day < end_day
        AND (day < first_month OR day >= end_month)
        AND ({all_versions:Bool} OR NOT is_superseded)
        AND tag_days.confidence >= {min_confidence:Float64}
    UNION ALL
    SELECT
        technique_id,
        sub_technique_id,
        tactic,
        1 AS tags,
        event_time AS first,
        event_time AS last,
        confidence
    FROM tags
    WHERE event_time >= from_time
        AND event_time < to_time
        AND (event_time < toDateTime64(first_day, 3, 'UTC') OR event_time >= toDateTime64(end_day, 3, 'UTC'))
        AND ({all_versions:Bool} OR NOT is_superseded)
        AND tags.confidence >= {min_confidence:Float64}
) AS part
GROUP BY technique_id, sub_technique_id, tactic
-- Until a retag is at its end, a row of a rollup may count no tags.
HAVING sum(part.tags) > 0;
