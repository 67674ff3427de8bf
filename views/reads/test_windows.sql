-- One row per machine, UTC day and technique (the parent) where a tag, an alert or an event may tell of a test that
-- filters select (as in test_selection, times epoch seconds): from seven days before such a test began to the day
-- after. is_near: from the day before it began on. All that the records of a test tell is taken together: some rows
-- stand for nothing, none is missing.
-- after: test_candidates
CREATE OR REPLACE VIEW test_windows AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time
SELECT DISTINCT
    machine,
    toDate(started_at - toIntervalDay(7)) + shift AS day,
    technique_id,
    toBool(shift >= 6) AS is_near
FROM
(
    SELECT
        groupUniqArrayArray(arrayFilter(
            name -> position(name, '.') <= 1 OR isIPv4String(name) OR isIPv6String(name),
            arrayConcat(hosts, targets))) AS machines,
        groupUniqArrayIf(
            assumeNotNull(red_started_at), ifNull(red_started_at >= from_time AND red_started_at < to_time, false)) AS starts,
        groupUniqArrayIf(substring(assumeNotNull(e.technique_id), 1, 5), e.technique_id IS NOT NULL) AS technique_ids
    FROM test_events AS e
    WHERE event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
        AND (concat({exercise:String}, {technique_id:String}, {tactic:String}, {platform:String}, {team:String}) = ''
            OR test_id IN (
                SELECT test_id
                FROM test_candidates(
                    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                    platform = {platform:String}, team = {team:String})))
        AND ({from_s:Float64} = 0 OR test_id IN (
            SELECT test_id FROM test_events WHERE red_started_at >= from_time AND red_started_at < to_time))
    GROUP BY test_id
)
ARRAY JOIN machines AS machine
ARRAY JOIN starts AS started_at
ARRAY JOIN technique_ids AS technique_id
ARRAY JOIN range(9) AS shift;
