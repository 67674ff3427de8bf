-- One row per test, round and detection result as of at_s (epoch seconds): what a detection did in it. Per
-- column the latest that was told wins. rounds is 'latest' or 'all'; '' is absent.
CREATE OR REPLACE VIEW test_detections AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    test_id,
    d.own_round AS round,
    result_id,
    argMaxIf(result_asset_id, version, result_asset_id != '') AS asset_id,
    argMaxIf(result_alert_id, version, result_alert_id != '') AS alert_id,
    argMax(result_triggered, version) AS triggered,
    max(event_time) AS updated_at
FROM
(
    SELECT
        e.test_id AS test_id,
        e.event_time AS event_time,
        e.version AS version,
        e.detection_ids AS ids,
        e.detection_asset_ids AS asset_ids,
        e.detection_alert_ids AS alert_ids,
        e.detection_triggered AS triggereds,
        arrayMax(arrayPushFront(begun.2, 1)) AS latest_round,
        toUInt32(ifNull(e.round, greatest(1, arrayMax(b -> if(b.1 <= e.version, b.2, 1), begun)))) AS own_round
    FROM test_events AS e
    LEFT JOIN
    (
        SELECT test_id, groupArray((version, assumeNotNull(round))) AS begun
        FROM test_events
        WHERE event_time <= at AND round > 1
        GROUP BY test_id
    ) AS redone ON redone.test_id = e.test_id
    WHERE e.event_time <= at AND notEmpty(e.detection_ids)
) AS d
ARRAY JOIN ids AS result_id, asset_ids AS result_asset_id, alert_ids AS result_alert_id, triggereds AS result_triggered
WHERE {rounds:String} = 'all' OR own_round = latest_round
GROUP BY test_id, d.own_round, result_id
SETTINGS join_use_nulls = 0;
