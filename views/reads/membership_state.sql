-- One row per membership of an attacker in an identity as of at_s (epoch seconds), whatever the identity is
-- merged into: the attacker is the identity from from_time to before to_time. Open ends are 1970 and 2299.
-- after: identity_links
CREATE OR REPLACE VIEW membership_state AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT id AS membership_id, attacker_id, identity_id, from_time, to_time, told_at, told_by, reason
FROM identity_links
WHERE kind = 'membership' AND told_at <= at AND until > at;
