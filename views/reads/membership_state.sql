-- One row per membership of an attacker in an identity as of at_s (epoch seconds), whatever the identity is
-- merged into: the attacker is the identity from from_time to before to_time. Open ends are 1970 and 2299.
CREATE OR REPLACE VIEW membership_state AS
SELECT membership_id, attacker_id, identity_id, from_time, to_time, told_at, told_by, reason
FROM
(
    SELECT
        id AS membership_id,
        op,
        event_time AS told_at,
        actor AS told_by,
        reason,
        JSONExtract(entity, 'Tuple(attacker_id String, identity_id String, from String, to String)') AS sent,
        JSONExtract(derived, 'Tuple(attacker_id String, identity_id String, from String, to String)') AS ours,
        if(ours.1 = '', sent.1, ours.1) AS attacker_id,
        if(ours.2 = '', sent.2, ours.2) AS identity_id,
        ifNull(parseDateTime64BestEffortOrNull(if(ours.3 = '', sent.3, ours.3), 3, 'UTC'),
            toDateTime64(0, 3, 'UTC')) AS from_time,
        ifNull(parseDateTime64BestEffortOrNull(if(ours.4 = '', sent.4, ours.4), 3, 'UTC'),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) AS to_time
    FROM catalog_events
    WHERE kind = 'membership'
        AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY id, version DESC
    LIMIT 1 BY id
)
WHERE op = 'put' AND attacker_id != '';
