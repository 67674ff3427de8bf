-- Two rows, red_team and blue_team: what each side of the selected tests got done (filters and rounds as in
-- test_selection).
--   red_team   tests that left its hands (blue_evaluating, in_review, validated, rejected); red_started_at to
--              blue_started_at less the red pause
--   blue_team  tests it is done with (in_review, validated, rejected); blue_work_started_at, else
--              blue_started_at (which must be there), to blue_validated_at less the blue pause
-- Only times above 0 count. Both numbers are rounded half-even to one decimal: the hours null without times,
-- the rejection rate (the lead's own rejected of approved and rejected) null without a word.
-- after: test_selection
CREATE OR REPLACE VIEW test_teams AS
SELECT
    side AS team,
    countIf(is_done) AS tests_completed,
    if(countIf(is_done AND net_ms > 0) = 0, NULL,
        toFloat64(printf('%.1f', sumIf(net_ms, is_done AND net_ms > 0) / (3600000 * countIf(is_done AND net_ms > 0)))))
        AS avg_completion_hours,
    if(countIf(is_done AND word IN ('approved', 'rejected')) = 0, NULL, toFloat64(printf('%.1f',
        countIf(is_done AND word = 'rejected') / countIf(is_done AND word IN ('approved', 'rejected')) * 100)))
        AS rejection_pct
FROM
(
    SELECT
        side,
        ifNull(state, '') IN ('in_review', 'validated', 'rejected')
            OR (side = 'red_team' AND ifNull(state, '') = 'blue_evaluating') AS is_done,
        ifNull(if(side = 'red_team',
            toUnixTimestamp64Milli(blue_started_at) - toUnixTimestamp64Milli(red_started_at)
                - 1000 * ifNull(red_paused_seconds, 0),
            toUnixTimestamp64Milli(blue_validated_at)
                - toUnixTimestamp64Milli(if(blue_started_at IS NULL, NULL, ifNull(blue_work_started_at, blue_started_at)))
                - 1000 * ifNull(blue_paused_seconds, 0)), 0) AS net_ms,
        ifNull(if(side = 'red_team', red_validation_status, blue_validation_status), '') AS word
    FROM test_selection(
        at_s = {at_s:Float64}, rounds = {rounds:String}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
        platform = {platform:String}, team = {team:String})
    ARRAY JOIN ['red_team', 'blue_team'] AS side
)
GROUP BY side;
