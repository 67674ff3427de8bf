-- One row: whether an identity is known by at_s (epoch seconds), from a tag that it anchors or from the catalogue: by
-- itself, merged, merged into, or as whom an attacker is.
-- A superseded tag counts: the event was there.
CREATE OR REPLACE VIEW identity_seen AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    toBool(
        (SELECT count() FROM (
            SELECT 1 FROM entity_tags
            WHERE entity_kind = 'identity' AND entity_id = {identity_id:String} AND event_time <= at LIMIT 1)) > 0
        OR (SELECT count() FROM catalog_events
            WHERE kind = 'identity' AND id = {identity_id:String} AND event_time <= at) > 0
        OR (SELECT count() FROM catalog_events
            WHERE kind IN ('merge', 'membership') AND op = 'put' AND event_time <= at
                AND (JSONExtractString(entity, 'entity_kind') IN ('', 'identity'))
                AND {identity_id:String} IN (
                    JSONExtractString(entity, 'identity_id'),
                    JSONExtractString(entity, 'loser_id'),
                    JSONExtractString(entity, 'winner_id'))) > 0
    ) AS seen;
