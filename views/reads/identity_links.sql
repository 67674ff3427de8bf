-- One row per merge or membership and span of time in which it is in force as it was told: from told_at to before until
-- (2299: still). kind merge: loser_id, of entity_kind, is merged into winner_id; of several merges of one loser the one
-- of the highest version counts. kind membership: attacker_id is identity_id from from_time to before to_time; open
-- ends are 1970 and 2299. Without parameters: those that ask have its columns on record.
CREATE OR REPLACE VIEW identity_links AS
SELECT
    kind,
    id,
    event_time AS told_at,
    until,
    actor AS told_by,
    reason,
    version,
    if(ours.1 = '', sent.1, ours.1) AS entity_kind,
    if(ours.2 = '', sent.2, ours.2) AS loser_id,
    if(ours.3 = '', sent.3, ours.3) AS winner_id,
    if(ours.4 = '', sent.4, ours.4) AS attacker_id,
    if(ours.5 = '', sent.5, ours.5) AS identity_id,
    ifNull(parseDateTime64BestEffortOrNull(if(ours.6 = '', sent.6, ours.6), 3, 'UTC'), toDateTime64(0, 3, 'UTC'))
        AS from_time,
    ifNull(parseDateTime64BestEffortOrNull(if(ours.7 = '', sent.7, ours.7), 3, 'UTC'),
        toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) AS to_time
FROM
(
    SELECT
        kind,
        id,
        op,
        event_time,
        leadInFrame(event_time, 1, toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) OVER changes AS until,
        actor,
        reason,
        version,
        'Tuple(entity_kind String, loser_id String, winner_id String, attacker_id String, identity_id String,
            from String, to String)' AS members,
        JSONExtract(entity, members) AS sent,
        JSONExtract(derived, members) AS ours
    FROM catalog_events
    WHERE kind IN ('merge', 'membership')
    WINDOW changes AS (
        PARTITION BY kind, id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE op = 'put' AND (kind = 'merge' OR attacker_id != '');
