-- One row: who identity_id is as of at_s (epoch seconds). path: itself, the identity it is merged into, and so on
-- to the one that stands for all. members: all that are one with it. merge_id: its own merge, '' if none.
-- belonging: (membership, attacker, identity, from when, before when) of the attackers of all members.
-- after: identity_anchors, identity_path, membership_state, merge_state
CREATE OR REPLACE VIEW identity_state AS
WITH
    (
        SELECT arraySort(members)
        FROM identity_anchors(identity_id = {identity_id:String}, at_s = {at_s:Float64})
    ) AS all_members
SELECT
    (SELECT path FROM identity_path(identity_id = {identity_id:String}, at_s = {at_s:Float64})) AS path,
    all_members AS members,
    (
        SELECT max(merge_id)
        FROM merge_state(at_s = {at_s:Float64})
        WHERE entity_kind = 'identity' AND loser_id = {identity_id:String}
    ) AS merge_id,
    (
        SELECT arraySort(b -> (b.2, b.4, b.1), groupArray((membership_id, attacker_id, identity_id, from_time, to_time)))
        FROM membership_state(at_s = {at_s:Float64})
        WHERE has(all_members, identity_id)
    ) AS belonging;
