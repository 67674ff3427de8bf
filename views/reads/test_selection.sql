-- One row per test and round as of at_s that a metric is asked about; rounds is 'latest' or 'all'. Times are
-- epoch seconds, '' is any: begun (red_started_at, else its first update) with from_s <= begun < to_s, of
-- that exercise, technique (with its sub-techniques, or one sub-technique), tactic (TAnnnn; a technique that
-- the loaded ATT&CK release does not know has none), platform, red or blue team.
-- after: test_rounds_between, test_candidates, attack_catalogue
CREATE OR REPLACE VIEW test_selection AS
SELECT
    *,
    toBool(ifNull(state, 'draft') IN (
        'draft', 'red_executing', 'blue_evaluating', 'in_review', 'validated', 'rejected')) AS is_state_known
FROM test_rounds_between(
    at_s = {at_s:Float64}, rounds = {rounds:String}, from_s = {from_s:Float64}, to_s = {to_s:Float64})
WHERE ifNull(red_started_at, created_at)
        >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND ifNull(red_started_at, created_at)
        < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    -- Tests that cannot be selected are not put together.
    AND (concat({exercise:String}, {technique_id:String}, {tactic:String}, {platform:String}, {team:String}) = ''
        OR test_id IN (
            SELECT test_id
            FROM test_candidates(
                exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                platform = {platform:String}, team = {team:String})))
    AND ({exercise:String} = '' OR ifNull(exercise, '') = {exercise:String})
    AND ({technique_id:String} = ''
        OR {technique_id:String} IN (ifNull(technique_id, ''), substring(ifNull(technique_id, ''), 1, 5)))
    AND ({tactic:String} = '' OR ifNull(technique_id, '') IN (
        SELECT technique_id FROM attack_catalogue WHERE has(tactics, {tactic:String})))
    AND ({platform:String} = '' OR lowerUTF8(ifNull(platform, '')) = lowerUTF8({platform:String}))
    AND ({team:String} = '' OR {team:String} IN (ifNull(red_team, ''), ifNull(blue_team, '')));
