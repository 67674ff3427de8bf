-- One row per identity or campaign that is merged into another as of at_s (epoch seconds), with the one it is
-- merged into; that one may be merged further. Ending a merge brings its loser back.
CREATE OR REPLACE VIEW merge_state AS
SELECT entity_kind, loser_id, winner_id, merge_id, merged_at, merged_by, reason
FROM
(
    SELECT
        id AS merge_id,
        op,
        event_time AS merged_at,
        actor AS merged_by,
        reason,
        version AS merge_version,
        JSONExtract(entity, 'Tuple(entity_kind String, loser_id String, winner_id String)') AS sent,
        JSONExtract(derived, 'Tuple(entity_kind String, loser_id String, winner_id String)') AS ours,
        if(ours.1 = '', sent.1, ours.1) AS entity_kind,
        if(ours.2 = '', sent.2, ours.2) AS loser_id,
        if(ours.3 = '', sent.3, ours.3) AS winner_id
    FROM catalog_events
    WHERE kind = 'merge'
        AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY id, version DESC
    LIMIT 1 BY id
)
WHERE op = 'put'
ORDER BY entity_kind, loser_id, merge_version DESC
LIMIT 1 BY entity_kind, loser_id;
