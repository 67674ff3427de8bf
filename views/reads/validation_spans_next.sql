-- One row: the generation of rows of validation_spans that are worked out from what is there now, and how many
-- records of validations that is: of the assets that a block of catalog_events bears on, or (topic '') of all. Whoever
-- asks later is given more, and has seen more: so it is asked before the catalogue is looked at, by a statement of
-- its own.
-- after: assets_of_catalog_block
CREATE OR REPLACE VIEW validation_spans_next AS
SELECT
    greatest(toUInt64(toUnixTimestamp64Nano(now64(9))), (SELECT max(generation) + 1 FROM validation_spans)) AS generation,
    count() AS validations
FROM validation_events
WHERE {topic:String} = '' OR asset_id IN (
    SELECT asset_id
    FROM assets_of_catalog_block(
        log = {log:String}, topic = {topic:String}, partition = {partition:UInt32},
        first = {first:UInt64}, last = {last:UInt64}, slice = 0, slices = 1));
