-- The rows of test_spans of some tests, [] is all, as they follow from their updates now; of all, those of one of so
-- many parts. Each update ends a span of every round that the test ever has, also of one that is not begun yet: so a
-- late update adds spans, or changes what they tell, and takes none away.
CREATE OR REPLACE VIEW test_spans_folded AS
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    test_id,
    shown AS round,
    event_time AS from_time,
    next_time AS to_time,
    is_begun,
    latest_until,
    created_at,
    ifNull(told_technique_id, '') AS technique_id,
    arrayDistinct(arrayFilter(
        name -> position(name, '.') <= 1 OR isIPv4String(name) OR isIPv6String(name),
        arrayConcat(told_hosts, told_targets))) AS machines,
    ifNull(told_state, '') AS state,
    ifNull(told_result, '') AS detection_result,
    nullIf(told_started_at, never) AS red_started_at,
    updates
FROM
(
    WITH
        own_round = shown AS is_own,
        own_round <= shown AS is_up_to
    SELECT
        test_id,
        shown,
        event_time,
        leadInFrame(event_time, 1, never) OVER whole AS next_time,
        toUInt32(count() OVER whole) AS updates,
        toBool(countIf(is_own) OVER past > 0) AS is_begun,
        minIf(event_time, is_own) OVER past AS created_at,
        min(if(told_round > shown, event_time, never)) OVER whole AS latest_until,
        anyLastIf(if(has(cleared, 'technique_id'), '', u.technique_id), is_up_to) OVER past AS told_technique_id,
        anyLastIf(if(has(cleared, 'hosts'), [], u.hosts), is_up_to AND (notEmpty(u.hosts) OR has(cleared, 'hosts')))
            OVER past AS told_hosts,
        anyLastIf(if(has(cleared, 'targets'), [], u.targets), is_up_to AND (notEmpty(u.targets) OR has(cleared, 'targets')))
            OVER past AS told_targets,
        anyLastIf(if(has(cleared, 'state'), '', u.state), is_own) OVER past AS told_state,
        anyLastIf(if(has(cleared, 'detection_result'), '', u.detection_result), is_own) OVER past AS told_result,
        anyLastIf(if(has(cleared, 'red_started_at'), never, u.red_started_at), is_own) OVER past AS told_started_at
    FROM
    (
        SELECT
            test_id, event_time, cleared, technique_id, hosts, targets, state, detection_result, red_started_at,
            e.version AS version,
            ifNull(e.round, 1) AS told_round,
            ifNull(e.round, max(told_round) OVER (PARTITION BY test_id ORDER BY e.version)) AS own_round,
            groupUniqArray(told_round) OVER (PARTITION BY test_id) AS told_rounds
        FROM test_events AS e
        WHERE (empty({tests:Array(String)}) OR test_id IN {tests:Array(String)})
            AND cityHash64(test_id) % {parts:UInt32} = {part:UInt32}
    ) AS u
    ARRAY JOIN arrayDistinct(arrayPushFront(told_rounds, 1)) AS shown
    WINDOW
        past AS (PARTITION BY test_id, shown ORDER BY u.version ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        whole AS (PARTITION BY test_id, shown ORDER BY u.version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE to_time > from_time;
