-- One row per technique, sub-technique and tactic of one identity's tags with from_s <= event time < to_s
-- (epoch seconds) and at least min_confidence. An identity is all that is one with it as of to_s, and their
-- attackers for the times that they belong to it. A tag that names an identity itself is that one's only, so
-- each counts once.
-- Superseded tags count only where all_versions is true.
-- after: identity_members, membership_state
CREATE OR REPLACE VIEW tag_techniques_by_identity AS
WITH
    (
        SELECT groupArray(member_id)
        FROM identity_members(identity_id = {identity_id:String}, at_s = {to_s:Float64})
    ) AS members,
    -- (attacker, from when, before when)
    (
        SELECT groupArray((attacker_id, from_time, to_time))
        FROM membership_state(at_s = {to_s:Float64})
        WHERE has(members, identity_id)
    ) AS belonging
SELECT
    technique_id,
    sub_technique_id,
    tactic,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    max(e.confidence) AS confidence_max
FROM
(
    SELECT technique_id, sub_technique_id, tactic, event_time, confidence
    FROM entity_tags
    WHERE entity_kind = 'identity' AND entity_id IN members AND ({all_versions:Bool} OR NOT is_superseded)
    UNION ALL
    SELECT technique_id, sub_technique_id, tactic, event_time, confidence
    FROM entity_tags
    WHERE entity_kind = 'attacker'
        AND entity_id IN tupleElement(belonging, 1)
        AND identity_id = ''
        AND ({all_versions:Bool} OR NOT is_superseded)
        AND arrayExists(b -> b.1 = entity_id AND b.2 <= event_time AND event_time < b.3, belonging)
) AS e
WHERE event_time >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND event_time < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND e.confidence >= {min_confidence:Float64}
GROUP BY technique_id, sub_technique_id, tactic;
