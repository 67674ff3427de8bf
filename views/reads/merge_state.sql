-- One row per identity or campaign that is merged into another as of at_s (epoch seconds), with the one it is
-- merged into; that one may be merged further. Ending a merge brings its loser back.
-- after: identity_links
CREATE OR REPLACE VIEW merge_state AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT entity_kind, loser_id, winner_id, id AS merge_id, told_at AS merged_at, told_by AS merged_by, reason
FROM identity_links
WHERE kind = 'merge' AND told_at <= at AND until > at
ORDER BY entity_kind, loser_id, version DESC
LIMIT 1 BY entity_kind, loser_id;
