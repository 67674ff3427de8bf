-- One row: who is one with identity_id as of at_s (epoch seconds). members: all that are merged into the same one, itself
-- included. A chain has at most 32 merges, so 64 steps lead from any to any. Merges join whatever their direction, so a
-- circle, which only back-dated records can make, is one identity too. attackers: (attacker_id, from when, before when)
-- of each membership in one of them. What merge_state and membership_state tell, in one reading.
CREATE OR REPLACE VIEW identity_anchors AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    arrayFold(
        (found, step) -> arrayDistinct(arrayConcat(
            found,
            arrayFilter((loser, winner) -> has(found, winner), merges.1, merges.2),
            arrayFilter((winner, loser) -> has(found, loser), merges.2, merges.1))),
        range(if(empty(merges), 0, 64)),
        [{identity_id:String}]) AS members,
    arrayMap(m -> (m.1, m.3, m.4), arrayFilter(m -> has(members, m.2), memberships)) AS attackers
FROM
(
    SELECT
        groupArrayIf((loser_id, winner_id), kind = 'merge' AND entity_kind = 'identity') AS merges,
        groupArrayIf((attacker_id, identity_id, from_time, to_time), kind = 'membership') AS memberships
    FROM
    (
        SELECT *
        FROM
        (
            SELECT
                kind, id, op, version, entity_kind, loser_id, winner_id, attacker_id, identity_id, from_time, to_time
            FROM link_events
            WHERE event_time <= at
            ORDER BY version DESC
            LIMIT 1 BY kind, id
        )
        WHERE op = 'put' AND (kind = 'merge' OR attacker_id != '')
        ORDER BY version DESC
        LIMIT 1 BY kind, entity_kind, loser_id, if(kind = 'merge', '', id)
    )
);
