-- One row per test as of at_s (epoch seconds), in its latest round; columns as in test_rounds.
-- after: test_rounds
CREATE OR REPLACE VIEW test_state AS
SELECT *
FROM test_rounds(at_s = {at_s:Float64}, rounds = 'latest');
