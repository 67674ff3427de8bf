-- One row: the mean time of a whole test cycle (execution to validation, net of pauses), in hours, over the
-- latest round of the selected tests. Filters as in test_selection, columns as in test_times.
-- after: test_times
CREATE OR REPLACE VIEW test_mttr AS
SELECT *
FROM test_times(
    metric = 'mttr', rounds = 'latest',
    at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
    platform = {platform:String}, team = {team:String});
