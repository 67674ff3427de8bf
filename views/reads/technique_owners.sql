-- One row per technique that has an owner as of at_s (epoch seconds). Of several records about one technique
-- that are in force the one with the latest `since` counts. record_ids: all of them.
CREATE OR REPLACE VIEW technique_owners AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    technique_id,
    argMax(r.owner_id, (r.since, r.version)) AS owner_id,
    max(r.since) AS since,
    nullIf(argMax(r.notes, (r.since, r.version)), '') AS notes,
    argMax(r.actor, (r.since, r.version)) AS assigned_by,
    argMax(r.event_time, (r.since, r.version)) AS assigned_at,
    arraySort(groupArray(r.id)) AS record_ids
FROM
(
    SELECT
        id,
        actor,
        event_time,
        version,
        JSONExtractString(if(JSONHas(derived, 'technique_id'), derived, entity), 'technique_id') AS technique_id,
        JSONExtractString(if(JSONHas(derived, 'owner_id'), derived, entity), 'owner_id') AS owner_id,
        JSONExtractString(entity, 'notes') AS notes,
        ifNull(parseDateTime64BestEffortOrNull(JSONExtractString(derived, 'since'), 3, 'UTC'), event_time) AS since
    FROM
    (
        SELECT id, op, actor, event_time, entity, derived, version
        FROM catalog_events
        WHERE kind = 'technique_owner' AND event_time <= at
        ORDER BY id, version DESC
        LIMIT 1 BY id
    )
    WHERE op = 'put'
) AS r
WHERE r.since <= at
GROUP BY technique_id;
