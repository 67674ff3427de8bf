-- One row per test and round as of at_s that a metric is asked about; rounds is 'latest' or 'all'. Times are
-- epoch seconds, '' is any: begun (red_started_at, else its first update) with from_s <= begun < to_s, of
-- that exercise, technique (with its sub-techniques, or one sub-technique), tactic (TAnnnn), platform, red
-- or blue team. A technique that the loaded ATT&CK release does not know has no tactics.
-- after: test_rounds, attack_catalogue
CREATE OR REPLACE VIEW test_selection AS
SELECT
    r.*,
    catalogue.tactics AS tactics,
    toBool(ifNull(r.state, 'draft') IN (
        'draft', 'red_executing', 'blue_evaluating', 'in_review', 'validated', 'rejected')) AS is_state_known
FROM test_rounds(at_s = {at_s:Float64}, rounds = {rounds:String}) AS r
LEFT JOIN (SELECT technique_id, tactics FROM attack_catalogue) AS catalogue
    ON catalogue.technique_id = ifNull(r.technique_id, '')
WHERE ifNull(r.red_started_at, r.created_at)
        >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND ifNull(r.red_started_at, r.created_at)
        < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND ({exercise:String} = '' OR ifNull(r.exercise, '') = {exercise:String})
    AND {technique_id:String} IN ('', ifNull(r.technique_id, ''), substring(ifNull(r.technique_id, ''), 1, 5))
    AND ({tactic:String} = '' OR has(catalogue.tactics, {tactic:String}))
    AND ({platform:String} = '' OR lowerUTF8(ifNull(r.platform, '')) = lowerUTF8({platform:String}))
    AND {team:String} IN ('', ifNull(r.red_team, ''), ifNull(r.blue_team, ''))
SETTINGS join_use_nulls = 0;
