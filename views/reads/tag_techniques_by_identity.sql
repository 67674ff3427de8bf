-- One row per technique, sub-technique and tactic of one identity's tags with from_s <= event time < to_s
-- (epoch seconds) and at least min_confidence. An identity is all that is one with it as of to_s, and their
-- attackers for the times that they belong to it. A tag that names an identity itself is that one's only, so
-- each counts once.
-- Superseded tags count only where all_versions is true.
-- after: identity_anchors
CREATE OR REPLACE VIEW tag_techniques_by_identity AS
WITH
    (
        SELECT (members, attackers)
        FROM identity_anchors(identity_id = {identity_id:String}, at_s = {to_s:Float64})
    ) AS anchors
SELECT
    technique_id,
    sub_technique_id,
    tactic,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    max(e.confidence) AS confidence_max
FROM entity_tags AS e
WHERE (
        (entity_kind = 'identity' AND entity_id IN anchors.1)
        OR (entity_kind = 'attacker'
            AND entity_id IN tupleElement(anchors.2, 1)
            AND identity_id = ''
            AND arrayExists(b -> b.1 = entity_id AND b.2 <= event_time AND event_time < b.3, anchors.2)))
    AND event_time >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND event_time < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND ({all_versions:Bool} OR NOT is_superseded)
    AND e.confidence >= {min_confidence:Float64}
GROUP BY technique_id, sub_technique_id, tactic;
