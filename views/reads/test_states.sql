-- One row per test and round as of at_s (epoch seconds), with what follows from its technique. rounds is
-- 'latest' or 'all'. A technique that the loaded ATT&CK release does not know has no tactics.
-- after: test_rounds, attack_catalogue
CREATE OR REPLACE VIEW test_states AS
SELECT
    r.*,
    if(r.technique_id IS NULL, NULL, substring(assumeNotNull(r.technique_id), 1, 5)) AS parent_technique_id,
    if(position(ifNull(r.technique_id, ''), '.') > 0, r.technique_id, NULL) AS sub_technique_id,
    c.tactics AS tactics,
    toBool(ifNull(r.state, '') IN (
        'draft', 'red_executing', 'blue_evaluating', 'in_review', 'validated', 'rejected')) AS is_state_known
FROM test_rounds(at_s = {at_s:Float64}, rounds = {rounds:String}) AS r
LEFT JOIN (SELECT technique_id, tactics FROM attack_catalogue) AS c
    ON c.technique_id = ifNull(r.technique_id, '')
SETTINGS join_use_nulls = 0;
