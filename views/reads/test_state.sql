-- One row per test as of at_s (epoch seconds), in its latest round; columns as in test_rounds, and what
-- follows from the technique. One that the loaded ATT&CK release does not know has no tactics.
-- after: test_rounds, attack_catalogue
CREATE OR REPLACE VIEW test_state AS
SELECT
    r.*,
    substring(r.technique_id, 1, 5) AS parent_technique_id,
    if(position(r.technique_id, '.') > 0, r.technique_id, NULL) AS sub_technique_id,
    catalogue.tactics AS tactics
FROM test_rounds(at_s = {at_s:Float64}, rounds = 'latest') AS r
LEFT JOIN (SELECT technique_id, tactics FROM attack_catalogue) AS catalogue
    ON catalogue.technique_id = ifNull(r.technique_id, '')
SETTINGS join_use_nulls = 0;
