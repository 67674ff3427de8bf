-- One row per identity that is one with identity_id as of at_s (epoch seconds), itself included: all that are
-- merged into the same one. A chain has at most 32 merges, so 64 steps lead from any to any. Merges join
-- whatever their direction, so a circle, which only back-dated records can make, is one identity too.
-- after: merge_state
CREATE OR REPLACE VIEW identity_members AS
SELECT arrayJoin(arrayFold(
    (found, step) -> arrayDistinct(arrayConcat(
        found,
        arrayFilter((loser, winner) -> has(found, winner), losers, winners),
        arrayFilter((winner, loser) -> has(found, loser), winners, losers))),
    range(if(empty(losers), 0, 64)),
    [{identity_id:String}])) AS member_id
FROM
(
    SELECT groupArray(loser_id) AS losers, groupArray(winner_id) AS winners
    FROM merge_state(at_s = {at_s:Float64})
    WHERE entity_kind = 'identity'
);
