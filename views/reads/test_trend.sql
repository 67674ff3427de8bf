-- One row per 7 days from at_s - days on: detection efficacy of the selected tests that are validated at at_s
-- and that red had validated by the end of those days. Percentages are rounded half-even to one decimal, 0
-- without tests. date is where the 7 days begin. Filters as in test_selection.
-- after: test_selection
CREATE OR REPLACE VIEW test_trend AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    at - toIntervalDay({days:UInt32}) + toIntervalDay(7 * week) AS date,
    if(validated_tests = 0, 0, toFloat64(printf('%.1f', detected_tests / validated_tests * 100))) AS detection_efficacy,
    arrayCount(t -> t.1 <= date + toIntervalDay(7), tests) AS validated_tests,
    arrayCount(t -> t.1 <= date + toIntervalDay(7) AND t.2, tests) AS detected_tests
FROM
(
    SELECT groupArray((assumeNotNull(red_validated_at), ifNull(detection_result, '') = 'detected')) AS tests
    FROM test_selection(
        at_s = {at_s:Float64}, rounds = 'latest', from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
        platform = {platform:String}, team = {team:String})
    WHERE ifNull(state, '') = 'validated' AND red_validated_at IS NOT NULL
)
ARRAY JOIN range(toUInt32(ceil({days:UInt32} / 7))) AS week
ORDER BY date;
