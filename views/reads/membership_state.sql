-- One row per membership of an attacker in an identity as of at_s (epoch seconds), whatever the identity is
-- merged into: the attacker is the identity from from_time to before to_time. Open ends are 1970 and 2299.
CREATE OR REPLACE VIEW membership_state AS
SELECT
    id AS membership_id,
    attacker_id,
    identity_id,
    from_time,
    to_time,
    event_time AS told_at,
    actor AS told_by,
    reason
FROM
(
    SELECT *, version
    FROM link_events
    WHERE kind = 'membership' AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY version DESC
    LIMIT 1 BY id
)
WHERE op = 'put' AND attacker_id != '';
