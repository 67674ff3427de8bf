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
    if(is_last_round, never, next_begun) AS latest_until,
    if(is_begun, begun, toDateTime64(0, 3, 'UTC')) AS created_at,
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
    SELECT
        test_id,
        shown,
        event_time,
        leadInFrame(event_time, 1, never) OVER whole AS next_time,
        toUInt32(count() OVER whole) AS updates,
        toBool(countIf(is_own) OVER past > 0) AS is_begun,
        minIf(event_time, is_own) OVER past AS begun,
        countIf(told_round > shown) OVER whole = 0 AS is_last_round,
        minIf(event_time, told_round > shown) OVER whole AS next_begun,
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
            *,
            shown,
            p.version AS version,
            own_round = shown AS is_own,
            own_round <= shown AS is_up_to
        FROM
        (
            SELECT
                test_id, event_time, cleared, technique_id, hosts, targets, state, detection_result, red_started_at,
                e.version AS version,
                ifNull(e.round, 1) AS told_round,
                ifNull(e.round, greatest(1, max(ifNull(e.round, 1)) OVER (PARTITION BY test_id ORDER BY e.version))) AS own_round,
                groupUniqArray(greatest(1, ifNull(e.round, 1))) OVER (PARTITION BY test_id) AS rounds
            FROM test_events AS e
            WHERE (empty({tests:Array(String)}) OR test_id IN {tests:Array(String)})
                AND cityHash64(test_id) % {parts:UInt32} = {part:UInt32}
        ) AS p
        ARRAY JOIN arrayDistinct(arrayPushFront(rounds, 1)) AS shown
    ) AS u
    WINDOW
        past AS (PARTITION BY test_id, shown ORDER BY u.version ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        whole AS (PARTITION BY test_id, shown ORDER BY u.version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE to_time > from_time;
