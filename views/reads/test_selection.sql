-- One row per test and round as of at_s that a metric is asked about. Times are epoch seconds, '' is any:
-- begun (red_started_at, else its first update) with from_s <= begun < to_s, of that exercise, technique
-- (with its sub-techniques, or one sub-technique), tactic (TAnnnn), platform, red or blue team.
-- after: test_rounds
CREATE OR REPLACE VIEW test_selection AS
SELECT *
FROM test_rounds(at_s = {at_s:Float64}, rounds = {rounds:String})
WHERE ifNull(red_started_at, created_at)
        >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND ifNull(red_started_at, created_at)
        < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND ({exercise:String} = '' OR ifNull(exercise, '') = {exercise:String})
    AND ({technique_id:String} = ''
        OR {technique_id:String} IN (ifNull(technique_id, ''), ifNull(parent_technique_id, '')))
    AND ({tactic:String} = '' OR has(tactics, {tactic:String}))
    AND ({platform:String} = '' OR lowerUTF8(ifNull(platform, '')) = lowerUTF8({platform:String}))
    AND ({team:String} = '' OR {team:String} IN (ifNull(red_team, ''), ifNull(blue_team, '')));
