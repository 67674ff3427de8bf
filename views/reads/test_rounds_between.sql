-- One row per test and round as of at_s (epoch seconds), as test_rounds has it, of the tests that may have begun in
-- from_s <= time < to_s: each with a record that tells such a start or is of that time. Others may be among them:
-- the caller bounds what it counts. from_s = 0 is all. Tests that were never begun again, which are most, are put
-- together record by record in the order of the table; of the others each record is put to its round first.
CREATE OR REPLACE VIEW test_rounds_between AS
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
        toUInt64(1) AS rounds,
        min(e.event_time) AS created_at,
        max(e.event_time) AS updated_at,
        nullIf(argMax(if(has(cleared, 'exercise'), '', e.exercise), version), '') AS exercise,
        nullIf(argMax(if(has(cleared, 'name'), '', e.name), version), '') AS name,
        nullIf(argMax(if(has(cleared, 'procedure_id'), '', e.procedure_id), version), '') AS procedure_id,
        nullIf(argMax(if(has(cleared, 'technique_id'), '', e.technique_id), version), '') AS technique_id,
        nullIf(argMax(if(has(cleared, 'platform'), '', e.platform), version), '') AS platform,
        nullIf(argMax(if(has(cleared, 'red_team'), '', e.red_team), version), '') AS red_team,
        nullIf(argMax(if(has(cleared, 'blue_team'), '', e.blue_team), version), '') AS blue_team,
        argMaxIf(if(has(cleared, 'hosts'), [], e.hosts), version, notEmpty(e.hosts) OR has(cleared, 'hosts')) AS hosts,
        argMaxIf(if(has(cleared, 'targets'), [], e.targets), version, notEmpty(e.targets) OR has(cleared, 'targets')) AS targets,
        argMaxIf(if(has(cleared, 'users'), [], e.users), version, notEmpty(e.users) OR has(cleared, 'users')) AS users,
        nullIf(argMax(if(has(cleared, 'state'), '', e.state), version), '') AS state,
        CAST(nullIf(argMax(if(has(cleared, 'executed'), 2, toUInt8(e.executed)), version), 2), 'Nullable(Bool)') AS executed,
        nullIf(argMax(if(has(cleared, 'outcome'), '', e.outcome), version), '') AS outcome,
        nullIf(argMax(if(has(cleared, 'detection_result'), '', e.detection_result), version), '') AS detection_result,
        nullIf(argMax(if(has(cleared, 'red_started_at'), never, e.red_started_at), version), never) AS red_started_at,
        nullIf(argMax(if(has(cleared, 'red_ended_at'), never, e.red_ended_at), version), never) AS red_ended_at,
        nullIf(argMax(if(has(cleared, 'red_paused_seconds'), -1, e.red_paused_seconds), version), -1) AS red_paused_seconds,
        nullIf(argMax(if(has(cleared, 'blue_started_at'), never, e.blue_started_at), version), never) AS blue_started_at,
        nullIf(argMax(if(has(cleared, 'blue_work_started_at'), never, e.blue_work_started_at), version), never) AS blue_work_started_at,
        nullIf(argMax(if(has(cleared, 'blue_paused_seconds'), -1, e.blue_paused_seconds), version), -1) AS blue_paused_seconds,
        nullIf(argMax(if(has(cleared, 'red_validation_status'), '', e.red_validation_status), version), '') AS red_validation_status,
        nullIf(argMax(if(has(cleared, 'red_validated_at'), never, e.red_validated_at), version), never) AS red_validated_at,
        nullIf(argMax(if(has(cleared, 'blue_validation_status'), '', e.blue_validation_status), version), '') AS blue_validation_status,
        nullIf(argMax(if(has(cleared, 'blue_validated_at'), never, e.blue_validated_at), version), never) AS blue_validated_at
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
        uniqExact(own_round) AS rounds,
        minIf(u.event_time, is_own_round) AS created_at,
        max(u.event_time) AS updated_at,
        nullIf(argMax(if(has(cleared, 'exercise'), '', u.exercise), version), '') AS exercise,
        nullIf(argMax(if(has(cleared, 'name'), '', u.name), version), '') AS name,
        nullIf(argMax(if(has(cleared, 'procedure_id'), '', u.procedure_id), version), '') AS procedure_id,
        nullIf(argMax(if(has(cleared, 'technique_id'), '', u.technique_id), version), '') AS technique_id,
        nullIf(argMax(if(has(cleared, 'platform'), '', u.platform), version), '') AS platform,
        nullIf(argMax(if(has(cleared, 'red_team'), '', u.red_team), version), '') AS red_team,
        nullIf(argMax(if(has(cleared, 'blue_team'), '', u.blue_team), version), '') AS blue_team,
        argMaxIf(if(has(cleared, 'hosts'), [], u.hosts), version, notEmpty(u.hosts) OR has(cleared, 'hosts')) AS hosts,
        argMaxIf(if(has(cleared, 'targets'), [], u.targets), version, notEmpty(u.targets) OR has(cleared, 'targets')) AS targets,
        argMaxIf(if(has(cleared, 'users'), [], u.users), version, notEmpty(u.users) OR has(cleared, 'users')) AS users,
        nullIf(argMaxIf(if(has(cleared, 'state'), '', u.state), version, is_own_round), '') AS state,
        CAST(nullIf(argMaxIf(if(has(cleared, 'executed'), 2, toUInt8(u.executed)), version, is_own_round), 2), 'Nullable(Bool)') AS executed,
        nullIf(argMaxIf(if(has(cleared, 'outcome'), '', u.outcome), version, is_own_round), '') AS outcome,
        nullIf(argMaxIf(if(has(cleared, 'detection_result'), '', u.detection_result), version, is_own_round), '') AS detection_result,
        nullIf(argMaxIf(if(has(cleared, 'red_started_at'), never, u.red_started_at), version, is_own_round), never) AS red_started_at,
        nullIf(argMaxIf(if(has(cleared, 'red_ended_at'), never, u.red_ended_at), version, is_own_round), never) AS red_ended_at,
        nullIf(argMaxIf(if(has(cleared, 'red_paused_seconds'), -1, u.red_paused_seconds), version, is_own_round), -1) AS red_paused_seconds,
        nullIf(argMaxIf(if(has(cleared, 'blue_started_at'), never, u.blue_started_at), version, is_own_round), never) AS blue_started_at,
        nullIf(argMaxIf(if(has(cleared, 'blue_work_started_at'), never, u.blue_work_started_at), version, is_own_round), never) AS blue_work_started_at,
        nullIf(argMaxIf(if(has(cleared, 'blue_paused_seconds'), -1, u.blue_paused_seconds), version, is_own_round), -1) AS blue_paused_seconds,
        nullIf(argMaxIf(if(has(cleared, 'red_validation_status'), '', u.red_validation_status), version, is_own_round), '') AS red_validation_status,
        nullIf(argMaxIf(if(has(cleared, 'red_validated_at'), never, u.red_validated_at), version, is_own_round), never) AS red_validated_at,
        nullIf(argMaxIf(if(has(cleared, 'blue_validation_status'), '', u.blue_validation_status), version, is_own_round), '') AS blue_validation_status,
        nullIf(argMaxIf(if(has(cleared, 'blue_validated_at'), never, u.blue_validated_at), version, is_own_round), never) AS blue_validated_at
    FROM
    (
        SELECT
            e.*,
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
