-- One row per asset that has validations and that is to be worked out anew: such as are named, have a validation of
-- those named, or were ever on a platform or a log source that one of the named infrastructure changes ever affected;
-- or all. It tells how many records of validations the asset has, and the generation of rows of validation_spans that
-- are worked out from what is there now. Whoever asks later is given more, and has seen more: so it is asked before the
-- catalogue is looked at, by a statement of its own.
CREATE OR REPLACE VIEW validation_spans_next AS
SELECT
    asset_id,
    toUInt32(count()) AS validations,
    greatest(toUInt64(toUnixTimestamp64Nano(now64(9))), (SELECT max(generation) + 1 FROM validation_spans)) AS generation
FROM validation_events
WHERE {all_assets:Bool}
    OR asset_id IN (
        SELECT asset_id
        FROM validation_events
        WHERE asset_id IN {assets:Array(String)} OR validation_id IN {validations:Array(String)})
    OR asset_id IN (
        SELECT asset_id
        FROM asset_events
        WHERE platform IN (
                SELECT arrayJoin(affected_platforms)
                FROM infrastructure_events
                WHERE change_id IN {infrastructure_changes:Array(String)})
            OR lowerUTF8(log_source_name) IN (
                SELECT lowerUTF8(arrayJoin(affected_log_sources))
                FROM infrastructure_events
                WHERE change_id IN {infrastructure_changes:Array(String)}))
GROUP BY asset_id;
