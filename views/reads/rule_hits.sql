-- One row per rule version with tags in from_s <= event time < to_s (epoch seconds): how many, and the
-- latest. Whole days come from tag_days, the broken days at either end from tags.
-- Superseded tags do not count: their event has a hit of another version, or none.
CREATE OR REPLACE VIEW rule_hits AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time,
    toDate(from_time + toIntervalMillisecond(86399999)) AS first_day,
    greatest(toDate(to_time), first_day) AS end_day
SELECT
    rule_id,
    rule_version,
    sum(part.tags) AS count,
    max(part.last) AS last_seen
FROM
(
    SELECT rule_id, rule_version, sum(count) AS tags, max(last_seen) AS last
    FROM tag_days
    WHERE day >= first_day AND day < end_day AND NOT is_superseded
    GROUP BY rule_id, rule_version
    UNION ALL
    SELECT rule_id, rule_version, count() AS tags, max(event_time) AS last
    FROM tags
    WHERE event_time >= from_time
        AND event_time < to_time
        AND NOT is_superseded
        AND (event_time < toDateTime64(first_day, 3, 'UTC') OR event_time >= toDateTime64(end_day, 3, 'UTC'))
    GROUP BY rule_id, rule_version
) AS part
GROUP BY rule_id, rule_version
-- Until a retag is at its end, a row of tag_days may count no tags.
HAVING sum(part.tags) > 0;
