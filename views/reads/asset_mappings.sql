-- One row per detection asset and technique that were ever mapped to each other, as of at_s (epoch seconds);
-- asset_id '' is every asset. removed_at is null while the mapping is in force; created_at is when the mapping
-- that is in force was made or, of a removed one, when it first was. mapping_ids: the records that are in force.
-- A record that names another asset or technique than before ends the one and begins the other.
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
    -- A span: the changes of one record one after the other that put the same asset and technique.
    SELECT
        mapping_id,
        e.asset_id AS asset_id,
        e.technique_id AS technique_id,
        argMax(e.coverage_type, e.version) AS coverage_type,
        argMax(e.confidence_level, e.version) AS confidence_level,
        argMax(e.notes, e.version) AS notes,
        min(event_time) AS created_at,
        argMax(next_time, e.version) AS removed_at,
        max(greatest(e.version, next_version)) AS version,
        argMax(next_version, e.version) = 0 AS is_in_force
    FROM
    (
        SELECT *, version, next_version, next_time, sum(is_begin) OVER changes AS span
        FROM
        (
            SELECT
                *,
                version,
                lagInFrame((op, asset_id, technique_id)) OVER around != (op, asset_id, technique_id) AS is_begin,
                leadInFrame(version) OVER around AS next_version,
                leadInFrame(event_time) OVER around AS next_time
            FROM mapping_events
            WHERE event_time <= at
                AND ({asset_id:String} = '' OR mapping_id IN (
                    SELECT mapping_id FROM mapping_events WHERE mapping_events.asset_id = {asset_id:String}))
            WINDOW around AS (
                PARTITION BY mapping_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        )
        WINDOW changes AS (PARTITION BY mapping_id ORDER BY version)
    ) AS e
    WHERE op = 'put'
    GROUP BY mapping_id, span, e.asset_id, e.technique_id
) AS l
WHERE {asset_id:String} IN ('', l.asset_id)
GROUP BY l.asset_id, l.technique_id;
