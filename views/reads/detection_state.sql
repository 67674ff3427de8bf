-- One row per technique and active detection asset mapped to it as of at_s (epoch seconds), with the newest
-- valid validation, which governs; without one validation_id is ''. Results: 2 detected, 1 partially, 0 not.
-- is_counted: adopted, or validated at least once; a candidate made from a rule is not counted before.
-- success_at: the newest success that no change and no later failure has voided; it may have expired.
-- Times that are missing are 1970.
CREATE OR REPLACE VIEW detection_state AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    technique_id,
    asset_id,
    any(m_confidence_level) AS confidence_level,
    any(a_platform) AS platform,
    any(a_asset_type) AS asset_type,
    any(a_log_source_name) AS log_source_name,
    toBool(any(a_adoption) = 'adopted' OR max(v_count) > 0) AS is_counted,
    sumIf(v_count, applies) AS validation_count,
    argMaxIf(v_id, valid_rank, applies AND valid_rank > 0) AS validation_id,
    argMaxIf(v_result, valid_rank, applies AND valid_rank > 0) AS result,
    fromUnixTimestamp64Milli(toInt64(bitShiftRight(maxIf(valid_rank, applies), 208)), 'UTC') AS validated_at,
    argMaxIf(v_expires_at, valid_rank, applies AND valid_rank > 0) AS expires_at,
    fromUnixTimestamp64Milli(toInt64(bitShiftRight(maxIf(rank, applies), 208)), 'UTC') AS last_validated_at,
    argMaxIf(v_last_result, rank, applies) AS last_result,
    toUInt256(bitAnd(maxIf(rank, applies), bitShiftLeft(toUInt256(1), 208) - 1)) AS last_version,
    if(
        maxIf(success_rank, applies) > maxIf(failure_rank, applies),
        fromUnixTimestamp64Milli(toInt64(bitShiftRight(maxIf(success_rank, applies), 208)), 'UTC'),
        toDateTime64(0, 3, 'UTC')
    ) AS success_at,
    toBool(countIf(applies AND v_is_rule_changed) > 0) AS is_rule_changed
FROM
(
    SELECT
        m.technique_id AS technique_id,
        m.asset_id AS asset_id,
        m.confidence_level AS m_confidence_level,
        a.platform AS a_platform,
        a.asset_type AS a_asset_type,
        a.log_source_name AS a_log_source_name,
        a.adoption AS a_adoption,
        v.validations > 0 AND v.technique_id IN ('', m.technique_id) AS applies,
        v.validations AS v_count,
        v.valid_id AS v_id,
        v.valid_result AS v_result,
        v.valid_expires_at AS v_expires_at,
        v.last_result AS v_last_result,
        v.is_rule_changed AS v_is_rule_changed,
        v.rank AS rank,
        v.valid_rank AS valid_rank,
        v.success_rank AS success_rank,
        v.failure_rank AS failure_rank
    FROM
    (
        SELECT
            l.asset_id AS asset_id,
            l.technique_id AS technique_id,
            argMax(l.confidence_level, l.version) AS confidence_level
        FROM
        (
            SELECT
                argMaxIf(e.asset_id, e.version, op = 'put') AS asset_id,
                argMaxIf(e.technique_id, e.version, op = 'put') AS technique_id,
                argMaxIf(e.confidence_level, e.version, op = 'put') AS confidence_level,
                max(e.version) AS version
            FROM mapping_events AS e
            WHERE event_time <= at
            GROUP BY mapping_id
            HAVING argMax(op, e.version) = 'put'
        ) AS l
        GROUP BY l.asset_id, l.technique_id
    ) AS m
    INNER JOIN
    (
        SELECT *
        FROM
        (
            SELECT asset_id, platform, asset_type, log_source_name, adoption, is_active
            FROM asset_events
            WHERE event_time <= at
            ORDER BY asset_id, version DESC
            LIMIT 1 BY asset_id
        )
        WHERE is_active
    ) AS a ON a.asset_id = m.asset_id
    LEFT JOIN
    (
        SELECT
            asset_id,
            technique_id,
            count() AS validations,
            max(s.rank) AS rank,
            argMax(outcome, s.rank) AS last_result,
            maxIf(s.rank, is_valid) AS valid_rank,
            argMaxIf(validation_id, s.rank, is_valid) AS valid_id,
            argMaxIf(outcome, s.rank, is_valid) AS valid_result,
            argMaxIf(expires_at, s.rank, is_valid) AS valid_expires_at,
            maxIf(s.rank, outcome > 0 AND is_unchanged) AS success_rank,
            maxIf(s.rank, outcome = 0) AS failure_rank,
            countIf(outcome > 0 AND s.is_rule_changed) > 0 AS is_rule_changed
        FROM
        (
            -- As validity_brief, which would be planned twice here.
            SELECT
                validation_id,
                asset_id,
                technique_id,
                expires_at,
                outcome,
                rank,
                arrayExists((start, end) -> start <= at AND at < end, unchanged_from, unchanged_to) AS is_unchanged,
                is_unchanged AND at < expires_at AS is_valid,
                arrayExists((start, end) -> start <= at AND at < end, changed_from, changed_to) AS is_rule_changed
            FROM validation_spans FINAL
            WHERE validated_at <= at
        ) AS s
        GROUP BY asset_id, technique_id
    ) AS v ON v.asset_id = m.asset_id
)
GROUP BY technique_id, asset_id
SETTINGS join_use_nulls = 0;
