-- One row per test and round as of at_s (epoch seconds): the rows of test_rounds_between, with what questions about
-- alerts and detections need of them. The more columns a view has, the longer each question that has it inside is
-- planned; this takes half as long.
CREATE OR REPLACE VIEW test_rounds_brief AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC') AS from_time,
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time,
    -- Stands for a cleared time while the newest is looked for; no input reaches it.
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never,
    own_round = shown_round AS is_own_round
SELECT *
FROM
(
    SELECT
        test_id,
        toUInt32(1) AS round,
        min(e.event_time) AS created_at,
        nullIf(argMax(if(has(cleared, 'technique_id'), '', e.technique_id), version), '') AS technique_id,
        argMaxIf(if(has(cleared, 'hosts'), [], e.hosts), version, notEmpty(e.hosts) OR has(cleared, 'hosts')) AS hosts,
        argMaxIf(if(has(cleared, 'targets'), [], e.targets), version, notEmpty(e.targets) OR has(cleared, 'targets')) AS targets,
        nullIf(argMax(if(has(cleared, 'state'), '', e.state), version), '') AS state,
        nullIf(argMax(if(has(cleared, 'detection_result'), '', e.detection_result), version), '') AS detection_result,
        nullIf(argMax(if(has(cleared, 'red_started_at'), never, e.red_started_at), version), never) AS red_started_at
    FROM test_events AS e
    WHERE e.event_time <= at
        AND test_id NOT IN (SELECT test_id FROM test_events WHERE event_time <= at AND test_events.round > 1)
        AND ({from_s:Float64} = 0 OR test_id IN (
            SELECT test_id
            FROM test_events
            WHERE event_time <= at AND (
                (event_time >= from_time AND event_time < to_time)
                OR (red_started_at >= from_time AND red_started_at < to_time))))
    GROUP BY test_id
    UNION ALL
    SELECT
        test_id,
        shown_round AS round,
        minIf(u.event_time, is_own_round) AS created_at,
        nullIf(argMax(if(has(cleared, 'technique_id'), '', u.technique_id), version), '') AS technique_id,
        argMaxIf(if(has(cleared, 'hosts'), [], u.hosts), version, notEmpty(u.hosts) OR has(cleared, 'hosts')) AS hosts,
        argMaxIf(if(has(cleared, 'targets'), [], u.targets), version, notEmpty(u.targets) OR has(cleared, 'targets')) AS targets,
        nullIf(argMaxIf(if(has(cleared, 'state'), '', u.state), version, is_own_round), '') AS state,
        nullIf(argMaxIf(if(has(cleared, 'detection_result'), '', u.detection_result), version, is_own_round), '') AS detection_result,
        nullIf(argMaxIf(if(has(cleared, 'red_started_at'), never, u.red_started_at), version, is_own_round), never) AS red_started_at
    FROM
    (
        SELECT
            test_id, event_time, cleared, technique_id, hosts, targets, state, detection_result, red_started_at,
            e.version AS version,
            begun,
            -- Rounds after the first, each with the version that began it.
            toUInt32(ifNull(e.round, greatest(1, arrayMax(b -> if(b.1 <= e.version, b.2, 1), begun)))) AS own_round
        FROM test_events AS e
        INNER JOIN
        (
            SELECT test_id, groupArray((version, assumeNotNull(test_events.round))) AS begun
            FROM test_events
            WHERE event_time <= at AND test_events.round > 1
            GROUP BY test_id
        ) AS redone ON redone.test_id = e.test_id
        WHERE e.event_time <= at
            AND test_id IN (SELECT test_id FROM test_events WHERE event_time <= at AND test_events.round > 1)
    ) AS u
    ARRAY JOIN
        if({rounds:String} = 'all',
            arrayDistinct(arrayPushFront(u.begun.2, 1)),
            [arrayMax(arrayPushFront(u.begun.2, 1))]) AS shown_round
    WHERE own_round <= shown_round
    GROUP BY test_id, shown_round
    HAVING countIf(is_own_round) > 0
)
SETTINGS join_use_nulls = 0, optimize_aggregation_in_order = 1;
