-- One row per technique whose status fell between from_s and to_s (epoch seconds) and validation that no longer
-- upholds it, with every cause; the first is the one to tell: declared, asset_deactivated, rule_changed,
-- infrastructure_changed, log_source_changed, infrastructure_event, expired, mapping_removed,
-- newer_failed_validation (a newer valid one governs, with a lesser result). A technique that was upheld
-- through its sub-techniques names the sub-technique in upheld_technique_id.
-- after: detection_state, validity, infrastructure_changes, attack_catalogue
CREATE OR REPLACE VIEW coverage_regression AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC') AS to_time,
    (
        SELECT groupArray((change_id, change_date, affected_platforms, arrayMap(s -> lowerUTF8(s), affected_log_sources)))
        FROM infrastructure_changes(at_s = {to_s:Float64})
        WHERE auto_invalidate AND change_date <= to_time
    ) AS changes,
    ['none', 'partial', 'validated'] AS statuses
SELECT
    f.technique_id AS technique_id,
    statuses[f.rank_from + 1] AS status_from,
    statuses[f.rank_to + 1] AS status_to,
    f.upheld_technique_id AS upheld_technique_id,
    f.asset_id AS asset_id,
    f.validation_id AS validation_id,
    arrayConcat(
        v.causes,
        if(f.is_mapped OR has(v.causes, 'asset_deactivated'), [], ['mapping_removed']),
        if(empty(v.causes) AND f.is_mapped, ['newer_failed_validation'], [])) AS causes,
    causes[1] AS cause,
    v.validated_at AS validated_at,
    v.expires_at AS expires_at,
    v.rule_version AS rule_version_from,
    a.rule_version AS rule_version_to,
    a.rule_file_path AS rule_file_path,
    a.rule_repository_url AS rule_repository_url,
    if(has(causes, 'infrastructure_event'),
        arrayMap(c -> c.1, arraySort(c -> (c.2, c.1), arrayFilter(
            c -> c.2 > v.validated_at AND (has(c.3, a.platform) OR has(c.4, lowerUTF8(a.log_source_name))), changes))),
        []) AS infrastructure_change_ids,
    v.invalidation_reason AS invalidation_reason
-- What fell is little: it is the table that validations are looked up in, not the reverse.
FROM validity(at_s = {to_s:Float64}, asset_id = '') AS v
RIGHT JOIN
(
    SELECT *
    FROM
    (
        SELECT
            *,
            multiIf(own_from = 2, 2, own_from = 1 OR subs_from > 0, 1, 0) AS rank_from,
            multiIf(own_to = 2, 2, own_to = 1 OR subs_to > 0, 1, 0) AS rank_to
        FROM
        (
            SELECT
                *,
                affected.1 AS technique_id,
                max(if(affected.2, result_from, 0)) OVER (PARTITION BY affected.1) AS own_from,
                max(if(affected.2, result_to, 0)) OVER (PARTITION BY affected.1) AS own_to,
                max(if(affected.2, 0, result_from)) OVER (PARTITION BY affected.1) AS subs_from,
                max(if(affected.2, 0, result_to)) OVER (PARTITION BY affected.1) AS subs_to
            FROM
            (
                SELECT
                    b.technique_id AS upheld_technique_id,
                    b.asset_id AS asset_id,
                    anyIf(b.validation_id, NOT is_to) AS validation_id,
                    maxIf(b.result, NOT is_to AND is_counted AND b.validation_id != '') AS result_from,
                    maxIf(b.result, is_to AND is_counted AND b.validation_id != '') AS result_to,
                    countIf(is_to) > 0 AS is_mapped,
                    -- The technique itself, and the one it is a sub-technique of.
                    arrayJoin(if(any(c.is_sub_technique),
                        [(upheld_technique_id, true), (any(c.parent_id), false)],
                        [(upheld_technique_id, true)])) AS affected
                FROM
                (
                    SELECT technique_id, asset_id, validation_id, result, is_counted, false AS is_to
                    FROM detection_state(at_s = {from_s:Float64})
                    UNION ALL
                    SELECT technique_id, asset_id, validation_id, result, is_counted, true AS is_to
                    FROM detection_state(at_s = {to_s:Float64})
                ) AS b
                INNER JOIN (SELECT technique_id AS of, parent_id, is_sub_technique FROM attack_catalogue WHERE is_active) AS c
                    ON c.of = b.technique_id
                GROUP BY b.technique_id, b.asset_id
            )
        )
    )
    WHERE rank_to < rank_from
        AND result_to < result_from
        AND (affected.2 OR rank_to = 0)
) AS f ON f.validation_id = v.validation_id
LEFT JOIN
(
    SELECT asset_id, platform, log_source_name, rule_version, rule_file_path, rule_repository_url
    FROM asset_events
    WHERE event_time <= to_time AND op = 'put'
    ORDER BY asset_id, version DESC
    LIMIT 1 BY asset_id
) AS a ON a.asset_id = f.asset_id
SETTINGS join_use_nulls = 0;
