-- One row per round of a test that was begun by at_s, with from_s <= red_started_at < to_s (epoch seconds):
-- what was run, where and when. hosts are the machines it ran on or was aimed at, by their short names.
-- after: test_rounds_brief
CREATE OR REPLACE VIEW test_runs AS
SELECT
    test_id,
    round,
    assumeNotNull(t.technique_id) AS technique_id,
    assumeNotNull(red_started_at) AS started_at,
    arrayDistinct(arrayFilter(
        name -> position(name, '.') <= 1 OR isIPv4String(name) OR isIPv6String(name),
        arrayConcat(hosts, targets))) AS machines
FROM test_rounds_brief(
    at_s = {at_s:Float64}, rounds = 'all', from_s = {from_s:Float64}, to_s = {to_s:Float64}) AS t
WHERE t.technique_id IS NOT NULL
    AND red_started_at IS NOT NULL
    AND notEmpty(machines)
    AND red_started_at <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    AND red_started_at >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND red_started_at < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC');
