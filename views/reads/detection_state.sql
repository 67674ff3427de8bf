-- One row per technique and active detection asset mapped to it as of at_s (epoch seconds), with the newest
-- valid validation, which governs; without one validation_id is ''. Results: 2 detected, 1 partially, 0 not.
-- is_counted: adopted, or validated at least once; a candidate made from a rule is not counted before.
-- success_at: the newest success that no change and no later failure has voided; it may have expired.
-- Times that are missing are 1970.
-- after: validity
CREATE OR REPLACE VIEW detection_state AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    technique_id,
    asset_id,
    any(m_confidence_level) AS confidence_level,
    any(a_platform) AS platform,
    any(a_asset_type) AS asset_type,
    any(a_log_source_name) AS log_source_name,
    toBool(any(a_adoption) = 'adopted' OR any(a_is_validated)) AS is_counted,
    countIf(applies) AS validation_count,
    argMaxIf(v_id, age_order, applies AND v_is_valid) AS validation_id,
    argMaxIf(v_result, age_order, applies AND v_is_valid) AS result,
    argMaxIf(v_at, age_order, applies AND v_is_valid) AS validated_at,
    argMaxIf(v_expires_at, age_order, applies AND v_is_valid) AS expires_at,
    maxIf(v_at, applies) AS last_validated_at,
    argMaxIf(v_result, age_order, applies) AS last_result,
    maxIf(age_order, applies).2 AS last_version,
    if(
        maxIf(age_order, applies AND v_result > 0 AND v_is_unchanged) > maxIf(age_order, applies AND v_result = 0),
        maxIf(age_order, applies AND v_result > 0 AND v_is_unchanged).1,
        toDateTime64(0, 3, 'UTC')
    ) AS success_at,
    toBool(countIf(applies AND v_result > 0 AND v_is_rule_changed) > 0) AS is_rule_changed
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
        a.is_validated AS a_is_validated,
        v.validation_id != '' AND v.technique_id IN ('', m.technique_id) AS applies,
        v.validation_id AS v_id,
        transform(v.validation_result, ['detected', 'partially_detected'], [2, 1], 0) AS v_result,
        v.validated_at AS v_at,
        v.expires_at AS v_expires_at,
        v.is_valid AS v_is_valid,
        empty(arrayFilter(cause -> cause != 'expired', v.causes)) AS v_is_unchanged,
        has(v.causes, 'rule_changed') AS v_is_rule_changed,
        (v.validated_at, v.version) AS age_order
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
        SELECT
            *,
            asset_id IN (
                SELECT asset_id
                FROM
                (
                    SELECT asset_id, validated_at
                    FROM validation_events
                    ORDER BY validation_id, version
                    LIMIT 1 BY validation_id
                )
                WHERE validated_at <= at) AS is_validated
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
    LEFT JOIN validity(at_s = {at_s:Float64}) AS v ON v.asset_id = m.asset_id
)
GROUP BY technique_id, asset_id
SETTINGS join_use_nulls = 0;
