-- One row per technique that was ever reviewed by at_s (epoch seconds): explicitly, else by its newest
-- validation (one without a technique is of every technique its asset is mapped to). Of those of one time the
-- last that was told counts, by version.
CREATE OR REPLACE VIEW technique_reviews AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    technique_id,
    max((r.is_explicit, r.reviewed_at)).2 AS reviewed_at,
    max(r.is_explicit) AS is_explicit,
    argMax(r.reviewed_by, (r.is_explicit, r.reviewed_at, r.version)) AS reviewed_by,
    argMax(r.status, (r.is_explicit, r.reviewed_at, r.version)) AS status
FROM
(
    SELECT
        if(JSONHas(derived, 'technique_id'), JSONExtractString(derived, 'technique_id'),
            JSONExtractString(entity, 'technique_id')) AS technique_id,
        ifNull(parseDateTime64BestEffortOrNull(JSONExtractString(derived, 'reviewed_at'), 3, 'UTC'), event_time)
            AS reviewed_at,
        JSONExtractString(derived, 'reviewed_by') AS reviewed_by,
        JSONExtractString(if(JSONHas(derived, 'status'), derived, entity), 'status') AS status,
        true AS is_explicit,
        version
    FROM
    (
        SELECT op, event_time, entity, derived, version
        FROM catalog_events
        WHERE kind = 'technique_review' AND event_time <= at
        ORDER BY id, version DESC
        LIMIT 1 BY id
    )
    WHERE op = 'put' AND reviewed_at <= at
    UNION ALL
    SELECT
        arrayJoin(if(v.technique_id = '', m.technique_ids, [v.technique_id])) AS technique_id,
        v.validated_at AS reviewed_at,
        v.validated_by AS reviewed_by,
        v.validation_result AS status,
        false AS is_explicit,
        v.version AS version
    FROM
    (
        SELECT asset_id, technique_id, validated_at, validated_by, validation_result, version
        FROM validation_events
        ORDER BY validation_id, event_time, record_time, partition, offset
        LIMIT 1 BY validation_id
    ) AS v
    LEFT JOIN
    (
        SELECT of, groupUniqArray(technique_id) AS technique_ids
        FROM
        (
            SELECT
                argMaxIf(asset_id, version, op = 'put') AS of,
                argMaxIf(e.technique_id, version, op = 'put') AS technique_id
            FROM mapping_events AS e
            WHERE event_time <= at
            GROUP BY mapping_id
            HAVING argMax(op, version) = 'put'
        )
        GROUP BY of
    ) AS m ON m.of = v.asset_id
    WHERE v.validated_at <= at
) AS r
GROUP BY technique_id
SETTINGS join_use_nulls = 0;
