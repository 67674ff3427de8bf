-- One row per asset that has validations, and that the assets, validations or invalidations of a block of
-- catalog_events bear on; topic '': per asset of one slice of all.
CREATE OR REPLACE VIEW assets_of_catalog_block AS
WITH
    block AS
    (
        SELECT kind, id, entity
        FROM catalog_events
        WHERE log = {log:String} AND topic = {topic:String} AND partition = {partition:UInt32}
            AND offset BETWEEN {first:UInt64} AND {last:UInt64}
    )
SELECT DISTINCT asset_id
FROM validation_events
WHERE if(
    {topic:String} = '',
    cityHash64(asset_id) % {slices:UInt32} = {slice:UInt32},
    asset_id IN (SELECT id FROM block WHERE kind = 'detection_asset')
        OR validation_id IN (
            SELECT if(kind = 'validation', id, JSONExtractString(entity, 'validation_id'))
            FROM block
            WHERE kind IN ('validation', 'invalidation')));
