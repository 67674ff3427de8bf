-- One row per technique, sub-technique and tactic of one session's tags with from_s <= event time < to_s
-- (epoch seconds) and at least min_confidence.
-- Superseded tags count only where all_versions is true.
CREATE OR REPLACE VIEW tag_techniques_by_session AS
SELECT
    technique_id,
    sub_technique_id,
    tactic,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    max(confidence) AS confidence_max
FROM entity_tags
WHERE entity_kind = 'session'
    AND entity_id = {session_id:String}
    AND event_time >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND event_time < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND ({all_versions:Bool} OR NOT is_superseded)
    AND entity_tags.confidence >= {min_confidence:Float64}
GROUP BY technique_id, sub_technique_id, tactic;
