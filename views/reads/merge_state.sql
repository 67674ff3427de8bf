-- One row per identity or campaign that is merged into another as of at_s (epoch seconds), with the one it is
-- merged into; that one may be merged further. Of several merges of one loser the one of the highest version counts.
-- Ending a merge brings its loser back.
CREATE OR REPLACE VIEW merge_state AS
SELECT entity_kind, loser_id, winner_id, id AS merge_id, event_time AS merged_at, actor AS merged_by, reason
FROM
(
    SELECT *, version
    FROM link_events
    WHERE kind = 'merge' AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY version DESC
    LIMIT 1 BY id
)
WHERE op = 'put'
ORDER BY entity_kind, loser_id, version DESC
LIMIT 1 BY entity_kind, loser_id;
