-- One row per test as of at_s (epoch seconds), in its latest round; columns as in test_rounds, and
-- parent_technique_id, sub_technique_id, tactics, is_state_known.
-- after: test_states
CREATE OR REPLACE VIEW test_state AS
SELECT *
FROM test_states(at_s = {at_s:Float64}, rounds = 'latest');
