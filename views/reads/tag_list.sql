-- One row per tag with from_s <= event time < to_s (epoch seconds), newest first; '' is any. technique_id
-- is a technique with its sub-techniques, or one sub-technique. A page ends before (before_time_s,
-- before_id), the last row of the page before it. Superseded tags are there only where all_versions is true.
CREATE OR REPLACE VIEW tag_list AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time,
    fromUnixTimestamp64Milli(toInt64(round({before_time_s:Float64} * 1000)), 'UTC') AS before_time
SELECT *
FROM tags
WHERE event_time >= from_time
    AND event_time < to_time
    AND event_time <= before_time
    AND (event_time < before_time OR tag_id < toUUID({before_id:String}))
    AND ({all_versions:Bool} OR NOT is_superseded)
    AND confidence >= {min_confidence:Float64}
    AND ({technique_id:String} = ''
        OR technique_id = {technique_id:String} OR sub_technique_id = {technique_id:String})
    AND ({host:String} = '' OR host = {host:String})
    AND ({rule_id:String} = '' OR rule_id = {rule_id:String})
ORDER BY event_time DESC, tag_id DESC
LIMIT {limit_rows:UInt64};
