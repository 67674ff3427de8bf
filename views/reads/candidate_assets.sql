-- One row per detection asset that is a candidate as of at_s (epoch seconds): made from a rule, and adopted by
-- nobody. entity is what was last sent of it, technique_ids what it is mapped to.
-- after: asset_mappings
CREATE OR REPLACE VIEW candidate_assets AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    sent.asset_id AS asset_id,
    sent.newest.2 AS entity,
    mapped.technique_ids AS technique_ids
FROM
(
    SELECT id AS asset_id, argMax((op, entity), version) AS newest
    FROM catalog_events
    WHERE kind = 'detection_asset' AND event_time <= at
    GROUP BY id
) AS sent
LEFT JOIN
(
    SELECT asset_id, arraySort(groupArray(technique_id)) AS technique_ids
    FROM asset_mappings(at_s = {at_s:Float64}, asset_id = '')
    WHERE removed_at IS NULL
    GROUP BY asset_id
) AS mapped ON mapped.asset_id = sent.asset_id
WHERE sent.newest.1 = 'put' AND JSONExtractString(sent.newest.2, 'adoption') = 'candidate'
ORDER BY asset_id
SETTINGS join_use_nulls = 0;
