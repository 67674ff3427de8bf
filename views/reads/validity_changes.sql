-- One row per time that the daily run, by at_s (epoch seconds), found validations of this technique to have
-- become invalid or valid again: causes are all that held then, began and ended what was new. A record that is
-- on the log twice tells it once.
-- after: asset_mappings
CREATE OR REPLACE VIEW validity_changes AS
SELECT
    id AS validation_id,
    JSONExtractString(entity, 'asset_id') AS asset_id,
    event_time AS recorded_at,
    toBool(JSONExtractBool(entity, 'is_valid')) AS is_valid,
    JSONExtract(entity, 'causes', 'Array(String)') AS causes,
    arrayMap(b -> JSONExtractString(b, 'cause'), JSONExtractArrayRaw(entity, 'began')) AS began,
    JSONExtract(entity, 'ended', 'Array(String)') AS ended
FROM catalog_events
WHERE kind = 'validity_change'
    AND op = 'put'
    AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    AND if(
        JSONExtractString(entity, 'technique_id') = '',
        JSONExtractString(entity, 'asset_id') IN (
            SELECT asset_id
            FROM asset_mappings(at_s = {at_s:Float64}, asset_id = '')
            WHERE technique_id = {technique_id:String}),
        JSONExtractString(entity, 'technique_id') = {technique_id:String})
ORDER BY id, version DESC
LIMIT 1 BY id, event_time;
