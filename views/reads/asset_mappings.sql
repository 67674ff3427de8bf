-- One row per detection asset and technique that were ever mapped to each other, as of at_s (epoch seconds);
-- asset_id '' is every asset. removed_at is null while the mapping is in force; created_at is when the mapping
-- that is in force was made or, of a removed one, when it first was. mapping_ids: the records that are in force.
CREATE OR REPLACE VIEW asset_mappings AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    l.asset_id AS asset_id,
    l.technique_id AS technique_id,
    argMax(l.coverage_type, (l.is_in_force, l.version)) AS coverage_type,
    argMax(l.confidence_level, (l.is_in_force, l.version)) AS confidence_level,
    nullIf(argMax(l.notes, (l.is_in_force, l.version)), '') AS notes,
    if(max(l.is_in_force), minIf(l.created_at, l.is_in_force), min(l.created_at)) AS created_at,
    if(max(l.is_in_force), NULL, max(l.removed_at)) AS removed_at,
    arraySort(groupArrayIf(l.mapping_id, l.is_in_force)) AS mapping_ids
FROM
(
    SELECT
        mapping_id,
        argMaxIf(e.asset_id, e.version, op = 'put') AS asset_id,
        argMaxIf(e.technique_id, e.version, op = 'put') AS technique_id,
        argMaxIf(e.coverage_type, e.version, op = 'put') AS coverage_type,
        argMaxIf(e.confidence_level, e.version, op = 'put') AS confidence_level,
        argMaxIf(e.notes, e.version, op = 'put') AS notes,
        max(e.version) AS version,
        argMax(op, e.version) = 'put' AS is_in_force,
        minIf(event_time, op = 'put' AND (e.version > last_removal OR NOT is_put_last)) AS created_at,
        minIf(event_time, op = 'delete' AND e.version > last_put) AS removed_at
    FROM
    (
        SELECT
            *,
            version,
            maxIf(version, op = 'delete') OVER (PARTITION BY mapping_id) AS last_removal,
            maxIf(version, op = 'put') OVER (PARTITION BY mapping_id) AS last_put,
            last_put > last_removal AS is_put_last
        FROM mapping_events
        WHERE event_time <= at
    ) AS e
    GROUP BY mapping_id
    HAVING countIf(op = 'put') > 0
) AS l
WHERE {asset_id:String} IN ('', l.asset_id)
GROUP BY l.asset_id, l.technique_id;
