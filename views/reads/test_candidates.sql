-- One row per test that filters may select ('' is any), whatever the time: each filter is told by a record of it.
-- The caller asks its state; this is read without putting tests together.
-- after: attack_catalogue
CREATE OR REPLACE VIEW test_candidates AS
SELECT DISTINCT test_id
FROM test_events
WHERE ({exercise:String} = '' OR test_id IN (
        SELECT test_id FROM test_events WHERE exercise = {exercise:String}))
    AND ({technique_id:String} = '' OR test_id IN (
        SELECT test_id
        FROM test_events AS e
        WHERE {technique_id:String} IN (ifNull(e.technique_id, ''), substring(ifNull(e.technique_id, ''), 1, 5))))
    AND ({tactic:String} = '' OR test_id IN (
        SELECT test_id
        FROM test_events AS e
        WHERE ifNull(e.technique_id, '') IN (
            SELECT technique_id FROM attack_catalogue WHERE has(tactics, {tactic:String}))))
    AND ({platform:String} = '' OR test_id IN (
        SELECT test_id FROM test_events AS e WHERE lowerUTF8(ifNull(e.platform, '')) = lowerUTF8({platform:String})))
    AND ({team:String} = '' OR test_id IN (
        SELECT test_id FROM test_events WHERE {team:String} IN (ifNull(red_team, ''), ifNull(blue_team, ''))));
