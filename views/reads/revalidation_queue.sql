-- One row per item of the revalidation queue as of at_s (epoch seconds). status: pending, in_progress, done or
-- dismissed. A technique has one open item at most: of several the one that was opened first is it, and the
-- others are not there while it is open. closed_at is null while an item is open. An item that was deleted begins
-- anew with its next record.
CREATE OR REPLACE VIEW revalidation_queue AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    item_id,
    technique_id,
    nullIf(asset, '') AS asset_id,
    nullIf(why, '') AS reason,
    status,
    nullIf(who, '') AS assignee,
    due AS due_at,
    opened_at,
    opened_by,
    updated_at,
    updated_by,
    if(is_open, NULL, arrayFirst(h -> h.1 > arrayLast(o -> o.3, history).1, history).2) AS closed_at,
    is_open
FROM
(
    SELECT *, row_number() OVER (PARTITION BY technique_id, is_open ORDER BY history[1].1) AS place
    FROM
    (
        SELECT
            id AS item_id,
            argMax(i.technique_id, version) AS technique_id,
            argMax(i.asset_id, version) AS asset,
            argMax(i.reason, version) AS why,
            argMax(i.status, version) AS status,
            argMax(i.assignee, version) AS who,
            argMax(tuple(i.due_at), version).1 AS due,
            argMin(event_time, version) AS opened_at,
            argMin(actor, version) AS opened_by,
            max(event_time) AS updated_at,
            argMax(actor, version) AS updated_by,
            arraySort(groupArray((version, event_time, i.status IN ('pending', 'in_progress')))) AS history,
            history[-1].3 AS is_open
        FROM
        (
            SELECT
                id,
                actor,
                event_time,
                version,
                JSONExtractString(if(JSONHas(derived, 'technique_id'), derived, entity), 'technique_id') AS technique_id,
                JSONExtractString(if(JSONHas(derived, 'asset_id'), derived, entity), 'asset_id') AS asset_id,
                JSONExtractString(entity, 'reason') AS reason,
                JSONExtractString(if(JSONHas(derived, 'status'), derived, entity), 'status') AS status,
                JSONExtractString(if(JSONHas(derived, 'assignee'), derived, entity), 'assignee') AS assignee,
                parseDateTime64BestEffortOrNull(
                    JSONExtractString(if(JSONHas(derived, 'due_at'), derived, entity), 'due_at'), 3, 'UTC') AS due_at
            FROM
            (
                SELECT *, version, maxIf(version, op = 'delete') OVER (PARTITION BY id) AS withdrawn
                FROM catalog_events
                WHERE kind = 'queue_item' AND event_time <= at
            )
            WHERE version > withdrawn
        ) AS i
        GROUP BY id
    )
)
WHERE NOT is_open OR place = 1;
