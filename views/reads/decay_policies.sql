-- One row per decay policy as of at_s (epoch seconds), active or not; '' applies to any.
-- after: decay_policy_versions
CREATE OR REPLACE VIEW decay_policies AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT * EXCEPT (from_time, to_time), from_time AS updated_at
FROM decay_policy_versions
WHERE from_time <= at AND to_time > at;
