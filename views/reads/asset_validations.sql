-- One row per validation seen by at_s (epoch seconds), as in validity, with the record that it came in: entity
-- as it was sent, derived counts before it and holds the integrity hash. asset_id and validation_id narrow
-- down, '' is any.
-- after: validity
CREATE OR REPLACE VIEW asset_validations AS
SELECT
    v.* EXCEPT (version, is_unchanged, is_rule_changed) REPLACE (toBool(v.is_valid) AS is_valid),
    r.entity AS entity,
    r.derived AS derived,
    r.recorded_by AS recorded_by,
    r.recorded_at AS recorded_at
FROM validity(at_s = {at_s:Float64}, asset_id = {asset_id:String}) AS v
LEFT JOIN
(
    SELECT id, entity, derived, actor AS recorded_by, event_time AS recorded_at
    FROM catalog_events
    WHERE kind = 'validation'
        AND op = 'put'
        AND id IN (
            SELECT validation_id
            FROM validation_events
            WHERE {asset_id:String} IN ('', asset_id) AND {validation_id:String} IN ('', validation_id))
    ORDER BY id, version
    LIMIT 1 BY id
) AS r ON r.id = v.validation_id
WHERE {validation_id:String} IN ('', v.validation_id)
SETTINGS join_use_nulls = 0;
