-- One row: whether an identity is known, from a tag that it anchors or from the catalogue.
CREATE OR REPLACE VIEW identity_seen AS
SELECT
    toBool(
        (SELECT count() FROM (
            SELECT 1 FROM entity_tags
            WHERE entity_kind = 'identity' AND entity_id = {identity_id:String} LIMIT 1)) > 0
        OR (SELECT count() FROM catalog_events
            WHERE kind = 'identity' AND id = {identity_id:String}) > 0
    ) AS seen;
