-- One row per partition that brought events of some machines (short names, lower case) with from_s <= event time <
-- to_s (epoch seconds): the offsets that they lie between, and how many they are.
CREATE OR REPLACE VIEW event_ranges AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time
SELECT log, topic, partition, min(offset) AS first, max(offset) AS last, count() AS events
FROM (SELECT *, lowerUTF8(commands.host) AS name FROM commands)
WHERE event_time >= from_time
    AND event_time < to_time
    AND has({machines:Array(String)}, if(
        isIPv4String(name) OR isIPv6String(name) OR startsWith(name, '.'), name, splitByChar('.', name)[1]))
GROUP BY log, topic, partition
ORDER BY topic, partition, log;
