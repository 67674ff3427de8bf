-- One row per event of some machines (short names, lower case) with from_s <= event time < to_s (epoch seconds)
-- whose record was kept as it came: those that rule_id tagged first, then by time, at most limit_rows. Superseded
-- tags count: what an older version saw is what a newer one is tried on.
CREATE OR REPLACE VIEW kept_events AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time
SELECT log, topic, partition, offset, record_time, event_time, raw
FROM
(
    SELECT log, topic, partition, offset, record_time, event_time, raw
    FROM (SELECT *, lowerUTF8(commands.host) AS name FROM commands)
    WHERE event_time >= from_time
        AND event_time < to_time
        AND raw != ''
        AND has({machines:Array(String)}, if(
            isIPv4String(name) OR isIPv6String(name) OR startsWith(name, '.'), name, splitByChar('.', name)[1]))
    UNION ALL
    SELECT log, topic, partition, offset, record_time, event_time, raw
    FROM alert_events
    WHERE event_time >= from_time
        AND event_time < to_time
        AND raw != ''
        AND hasAny(hosts, {machines:Array(String)})
)
ORDER BY
    (log, topic, partition, offset) IN (
        SELECT log, topic, partition, offset
        FROM tags
        WHERE rule_id = {rule_id:String} AND event_time >= from_time AND event_time < to_time) DESC,
    event_time,
    partition,
    offset
LIMIT {limit_rows:UInt64};
