-- The rows of tag_list that an identity, attacker or session anchors, at least one of which is named; '' is any.
-- entity_tags says at which times its newest tags are, and tags is read there only. The columns that never change come as
-- one, tag: read one by one in as many places they take twice as long.
CREATE OR REPLACE VIEW tag_list_of_entity AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time,
    fromUnixTimestamp64Milli(toInt64(round({before_time_s:Float64} * 1000)), 'UTC') AS before_time,
    -- The most selective anchor that was named.
    multiIf(
        {session_id:String} != '', ('session', {session_id:String}),
        {identity_id:String} != '', ('identity', {identity_id:String}),
        ('attacker', {attacker_id:String})
    ) AS anchor
SELECT
    tag_id,
    event_time,
    is_superseded,
    retagged_time,
    JSONExtract(listed, 'Tuple(
        log String, topic String, partition UInt32, offset UInt64, ingest_time DateTime64(3, \'UTC\'), source_kind String,
        source_id String, tagged_time DateTime64(3, \'UTC\'), identity_id String, attacker_id String, session_id String,
        host String, user String, decoy String, tactic String, tactics Array(String), technique_id String,
        sub_technique_id String, severity String, rule_id String, rule_version String, rule_hash String, evidence String,
        attack_release String, in_release Bool, confidence Float64)') AS tag
FROM tags
PREWHERE event_time >= from_time
    AND event_time < to_time
    AND event_time <= before_time
    AND (event_time = before_time OR event_time IN (
        -- As many as are asked for, and all of the oldest instant. What entity_tags cannot tell, a machine,
        -- a rule or a second anchor, may leave out any of them: then all.
        SELECT event_time
        FROM entity_tags
        WHERE entity_kind = anchor.1
            AND entity_id = anchor.2
            AND event_time >= from_time
            AND event_time < to_time
            AND event_time < before_time
            AND ({all_versions:Bool} OR NOT is_superseded)
            AND confidence >= {min_confidence:Float64}
            AND ({technique_id:String} = ''
                OR technique_id = {technique_id:String} OR sub_technique_id = {technique_id:String})
        ORDER BY event_time DESC
        LIMIT if(
            {host:String} = '' AND {rule_id:String} = ''
                AND ({session_id:String} != '') + ({identity_id:String} != '') + ({attacker_id:String} != '') = 1,
            {limit_rows:UInt64}, 1000000000) WITH TIES
        SETTINGS optimize_read_in_order = 1
    ))
WHERE (event_time < before_time OR tag_id < toUUID({before_id:String}))
    AND ({all_versions:Bool} OR NOT is_superseded)
    AND ({min_confidence:Float64} = 0 OR confidence >= {min_confidence:Float64})
    AND ({technique_id:String} = ''
        OR technique_id = {technique_id:String} OR sub_technique_id = {technique_id:String})
    AND ({identity_id:String} = '' OR identity_id = {identity_id:String})
    AND ({attacker_id:String} = '' OR attacker_id = {attacker_id:String})
    AND ({session_id:String} = '' OR session_id = {session_id:String})
    AND ({host:String} = '' OR host = {host:String})
    AND ({rule_id:String} = '' OR rule_id = {rule_id:String})
ORDER BY event_time DESC, tag_id DESC
LIMIT {limit_rows:UInt64}
-- Places are read side by side: where they come from the disk, that is most of the time.
SETTINGS optimize_read_in_order = 0, max_threads = 8,
    merge_tree_min_rows_for_concurrent_read = 1, merge_tree_min_bytes_for_concurrent_read = 1;
