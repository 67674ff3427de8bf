-- One row per round of a test that was begun by at_s, with from_s <= red_started_at < to_s (epoch seconds):
-- what was run, where and when. machines: those it ran on or was aimed at, by their short names.
CREATE OR REPLACE VIEW test_runs AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT test_id, round, technique_id, assumeNotNull(red_started_at) AS started_at, machines
FROM test_spans FINAL
WHERE from_time <= at
    AND to_time > at
    AND is_begun
    AND technique_id != ''
    AND notEmpty(machines)
    AND red_started_at <= at
    AND red_started_at >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND red_started_at < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC');
