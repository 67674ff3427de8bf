-- One row per round number of the selected tests (filters as in test_selection): how many executions of that
-- round were validated or rejected, and the share that was accepted; round 1 is the first pass.
-- after: test_selection
CREATE OR REPLACE VIEW test_acceptance AS
SELECT
    round,
    countIf(ifNull(state, '') = 'validated') AS validated,
    countIf(ifNull(state, '') = 'rejected') AS rejected,
    if(validated + rejected = 0, NULL, validated / (validated + rejected) * 100) AS acceptance_pct
FROM test_selection(
    at_s = {at_s:Float64}, rounds = 'all', from_s = {from_s:Float64}, to_s = {to_s:Float64},
    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
    platform = {platform:String}, team = {team:String})
GROUP BY round;
