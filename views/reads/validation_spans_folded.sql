-- The rows of validation_spans of some assets, [] is all, as they follow from the catalogue now. What validity tells as
-- of one time is told here of all times at once: what an asset was from each change of it, and of the infrastructure it
-- is on, to the next, against what it was at the validation.
-- after: decay_terms
CREATE OR REPLACE VIEW validation_spans_folded AS
WITH
    empty({assets:Array(String)}) AS is_all,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never,
    toDateTime64(0, 3, 'UTC') AS epoch,
    toFixedString('', 16) AS none,
    (SELECT terms FROM decay_terms) AS policies,
    -- From when to when a change of that date is one that touches a platform ('p:…') or a log source ('s:…').
    (
        SELECT mapFromArrays(groupArray(touched), groupArray(touches))
        FROM
        (
            SELECT
                arrayJoin(arrayConcat(
                    arrayMap(name -> concat('p:', name), affected_platforms),
                    arrayMap(name -> concat('s:', lowerUTF8(name)), affected_log_sources))) AS touched,
                groupArray((greatest(event_time, change_date) AS from_time, to_time, change_date)) AS touches
            FROM
            (
                SELECT
                    op, auto_invalidate, event_time, change_date, affected_platforms, affected_log_sources,
                    leadInFrame(event_time, 1, never) OVER (
                        PARTITION BY change_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) AS to_time
                FROM infrastructure_events
            )
            WHERE op = 'put' AND auto_invalidate AND greatest(event_time, change_date) < to_time
            GROUP BY touched
        )
    ) AS infrastructure
SELECT
    validation_id,
    asset_id,
    technique_id,
    validated_at,
    expires_at,
    outcome,
    rank,
    -- Spans that meet are one.
    arrayFilter((start, before) -> start != before, unchanged.1, arrayShiftRight(unchanged.2, 1, never))
        AS unchanged_from,
    arrayFilter((end, next) -> end != next, unchanged.2, arrayShiftLeft(unchanged.1, 1, epoch))
        AS unchanged_to,
    arrayFilter((start, before) -> start != before, changed.1, arrayShiftRight(changed.2, 1, never))
        AS changed_from,
    arrayFilter((end, next) -> end != next, changed.2, arrayShiftLeft(changed.1, 1, epoch))
        AS changed_to,
    {generation:UInt64} AS generation
FROM
(
    SELECT
        v.asset_id AS asset_id,
        v.validation_id AS validation_id,
        v.technique_id AS technique_id,
        v.validated_at AS validated_at,
        -- The last put by then, else the first.
        greatest(1, arrayCount(time -> time <= v.validated_at, a.put_times)) AS place,
        a.put_platforms[place] AS platform,
        a.put_asset_types[place] AS asset_type,
        if(
            v.is_expiry_default,
            v.validated_at + toIntervalMillisecond(arrayFirst(
                p -> p.from_time <= v.validated_at AND v.validated_at < p.to_time
                    AND (p.is_default OR (p.platform IN ('', platform) AND p.asset_type IN ('', asset_type)))
                    AND (p.is_any OR has(p.techniques, v.technique_id)),
                policies).term),
            v.expires_at) AS expires_at,
        toUInt8(transform(v.validation_result, ['detected', 'partially_detected'], [2, 1], 0)) AS outcome,
        bitShiftLeft(toUInt256(toUnixTimestamp64Milli(v.validated_at)), 208) + v.version AS rank,
        if(v.rule_hash = '', a.put_rule_keys[place], sipHash128(v.rule_hash)) AS rule_key,
        if(v.logic_hash = '', a.put_logic_keys[place], sipHash128(v.logic_hash)) AS logic_key,
        if(v.infrastructure_hash = '', a.put_infrastructure_keys[place], sipHash128(v.infrastructure_hash))
            AS infrastructure_key,
        if(v.log_source_version = '', a.put_log_source_keys[place], sipHash128(v.log_source_version))
            AS log_source_key,
        arrayMap(
            (rule, logic) -> if(logic_key != none AND logic != none, logic_key != logic, rule_key != rule),
            a.rule_keys, a.logic_keys) AS is_rule_changed,
        arrayFilter((span, is) -> is AND span.2 > v.validated_at, a.spans, is_rule_changed) AS changed,
        if(declared.of = '', never, declared.first_at) AS ends_at,
        arrayMap(span -> (span.1, least(span.2, ends_at)), arrayFilter(
            (span, is, infrastructure_now, log_source_now, touched_at) ->
                NOT is AND infrastructure_key = infrastructure_now AND log_source_key = log_source_now
                    AND touched_at <= v.validated_at AND span.2 > v.validated_at AND span.1 < ends_at,
            a.spans, is_rule_changed, a.infrastructure_keys, a.log_source_keys, a.touched)) AS unchanged
    FROM
    (
        SELECT *, version
        FROM validation_events
        WHERE is_all OR validation_id IN (
            SELECT validation_id FROM validation_events WHERE asset_id IN {assets:Array(String)})
        ORDER BY validation_id, event_time, record_time, partition, offset
        LIMIT 1 BY validation_id
    ) AS v
    LEFT JOIN
    (
        SELECT
            asset_id,
            any(puts.time) AS put_times,
            any(puts.platform) AS put_platforms,
            any(puts.asset_type) AS put_asset_types,
            any(puts.rule_key) AS put_rule_keys,
            any(puts.logic_key) AS put_logic_keys,
            any(puts.infrastructure_key) AS put_infrastructure_keys,
            any(puts.log_source_key) AS put_log_source_keys,
            -- Out of service nothing is valid.
            arraySort(groupArrayIf((
                (from_time, to_time), state.rule_key, state.logic_key, state.infrastructure_key, state.log_source_key,
                arrayMax(arrayPushFront(
                    arrayMap(t -> t.3, arrayFilter(t -> t.1 <= from_time AND from_time < t.2, touches)), epoch))
            ), state.is_active)) AS states,
            states.1 AS spans,
            states.2 AS rule_keys,
            states.3 AS logic_keys,
            states.4 AS infrastructure_keys,
            states.5 AS log_source_keys,
            states.6 AS touched
        FROM
        (
            SELECT
                asset_id,
                puts,
                arrayJoin(states_of_asset) AS state,
                arrayConcat(
                    infrastructure[concat('p:', state.platform)],
                    infrastructure[concat('s:', state.log_source_name)]) AS touches,
                arraySort(arrayDistinct(arrayPushFront(
                    arrayFilter(t -> state.from_time < t AND t < state.to_time, arrayConcat(touches.1, touches.2)),
                    state.from_time))) AS points
            FROM
            (
                SELECT
                    asset_id,
                    CAST(
                        arraySort(groupArray((
                            version, event_time, op = 'put', is_active, asset_events.platform,
                            lowerUTF8(asset_events.asset_type), lowerUTF8(log_source_name),
                            if(rule_hash = '', none, sipHash128(rule_hash)),
                            if(logic_hash = '', none, sipHash128(logic_hash)),
                            if(infrastructure_hash = '', none, sipHash128(infrastructure_hash)),
                            if(log_source_version = '', none, sipHash128(log_source_version))))),
                        'Array(Tuple(version UInt256, time DateTime64(3, \'UTC\'), is_put Bool, is_active Bool,
                            platform String, asset_type String, log_source_name String,
                            rule_key FixedString(16), logic_key FixedString(16),
                            infrastructure_key FixedString(16), log_source_key FixedString(16)))') AS changes,
                    arrayFilter(c -> c.is_put, changes) AS puts,
                    -- A deletion takes it out of service, and leaves it what it was.
                    arrayFill(c -> c.is_put, changes) AS known,
                    arrayFilter(s -> s.from_time < s.to_time, arrayMap(
                        (c, k, next) -> CAST(
                            (c.time, next, c.is_active, k.platform, k.log_source_name,
                                k.rule_key, k.logic_key, k.infrastructure_key, k.log_source_key),
                            'Tuple(from_time DateTime64(3, \'UTC\'), to_time DateTime64(3, \'UTC\'), is_active Bool,
                                platform String, log_source_name String,
                                rule_key FixedString(16), logic_key FixedString(16),
                                infrastructure_key FixedString(16), log_source_key FixedString(16))'),
                        changes, known, arrayShiftLeft(changes.time, 1, never))) AS states_of_asset
                FROM asset_events
                WHERE is_all OR asset_id IN {assets:Array(String)}
                GROUP BY asset_id
                HAVING notEmpty(puts)
            )
        )
        ARRAY JOIN points AS from_time, arrayShiftLeft(points, 1, state.to_time) AS to_time
        GROUP BY asset_id
    ) AS a ON a.asset_id = v.asset_id
    LEFT JOIN
    (
        SELECT validation_id AS of, min(event_time) AS first_at
        FROM invalidation_events
        GROUP BY validation_id
    ) AS declared ON declared.of = v.validation_id
    WHERE is_all OR v.asset_id IN {assets:Array(String)}
)
SETTINGS join_use_nulls = 0;
