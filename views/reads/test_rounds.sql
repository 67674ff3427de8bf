-- One row per test and round as of at_s (epoch seconds): per column the latest non-null by version wins, a
-- cleared column counts as a later null, [] and '' are absent. rounds is 'latest' or 'all'.
-- What describes a test (exercise to users) is carried from round to round; what happened in a round
-- (state to blue_validated_at) is that round's own. An update that names no round is about the highest
-- round begun before it.
CREATE OR REPLACE VIEW test_rounds AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    -- Stands for a cleared time while the newest is looked for; no input reaches it.
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never,
    own_round = shown_round AS is_own_round
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
    LEFT JOIN
    (
        SELECT test_id, groupArray((version, assumeNotNull(round))) AS begun
        FROM test_events
        WHERE event_time <= at AND round > 1
        GROUP BY test_id
    ) AS redone ON redone.test_id = e.test_id
    WHERE e.event_time <= at
) AS u
ARRAY JOIN
    if({rounds:String} = 'all',
        arrayDistinct(arrayPushFront(u.begun.2, 1)),
        [arrayMax(arrayPushFront(u.begun.2, 1))]) AS shown_round
WHERE own_round <= shown_round
GROUP BY test_id, shown_round
HAVING countIf(is_own_round) > 0
SETTINGS join_use_nulls = 0;
