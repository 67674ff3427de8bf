-- One row per test and round as of at_s (epoch seconds): per column the latest non-null by version wins, a
-- cleared column counts as a later null, [] and '' are absent. rounds is 'latest' or 'all'.
-- What describes a test (exercise to users) is carried from round to round; what happened in a round
-- (state to blue_validated_at) is that round's own. An update that names no round is about the highest
-- round begun before it.
-- after: test_rounds_between
CREATE OR REPLACE VIEW test_rounds AS
SELECT *
FROM test_rounds_between(at_s = {at_s:Float64}, rounds = {rounds:String}, from_s = 0, to_s = 0);
