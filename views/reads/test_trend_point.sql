-- One row: as test_trend has it for the 7 days that end at week_end_s (epoch seconds), but over what was known
-- of the tests when those days ended, or at at_s where they end later. Filters as in test_selection.
-- after: test_selection
CREATE OR REPLACE VIEW test_trend_point AS
SELECT
    fromUnixTimestamp64Milli(toInt64(round({week_end_s:Float64} * 1000)), 'UTC') - toIntervalDay(7) AS date,
    if(validated_tests = 0, 0, toFloat64(printf('%.1f', detected_tests / validated_tests * 100))) AS detection_efficacy,
    count() AS validated_tests,
    countIf(ifNull(detection_result, '') = 'detected') AS detected_tests
FROM test_selection(
    at_s = least({at_s:Float64}, {week_end_s:Float64}), rounds = 'latest', from_s = {from_s:Float64},
    to_s = {to_s:Float64}, exercise = {exercise:String}, technique_id = {technique_id:String},
    tactic = {tactic:String}, platform = {platform:String}, team = {team:String})
WHERE ifNull(state, '') = 'validated'
    AND ifNull(red_validated_at <= fromUnixTimestamp64Milli(toInt64(round({week_end_s:Float64} * 1000)), 'UTC'), false);
