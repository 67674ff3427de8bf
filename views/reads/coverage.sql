-- One row per active ATT&CK technique as of at_s (epoch seconds). status is about validations: validated (a
-- valid one says detected), partial (a valid one says partly detected, or one is valid through a sub-technique
-- only), none. Beside it, never mixed in: can_detect (a rule in service and not disabled is mapped to it, and
-- its log source brought something in 30 days) and activity (tags; a technique's are its sub-techniques' too;
-- superseded ones do not count).
-- after: detection_state, attack_catalogue
CREATE OR REPLACE VIEW coverage AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    toDate(at) AS today,
    -- Whole months before, days from then on.
    toStartOfMonth(today - 30) AS days_from
SELECT
    c.technique_id AS technique_id,
    c.name AS name,
    c.parent_id AS parent_id,
    c.is_sub_technique AS is_sub_technique,
    c.tactics AS tactics,
    c.platforms AS platforms,
    c.domain AS domain,
    c.group_count AS group_count,
    multiIf(
        d.best = 2, 'validated',
        d.best = 1 OR (NOT c.is_sub_technique AND max(d.best) OVER (PARTITION BY c.parent_id) > 0), 'partial',
        'none') AS status,
    d.detection_count AS detection_count,
    d.valid_detection_count AS valid_detection_count,
    toBool(d.detecting_assets > 0) AS can_detect,
    d.detecting_assets AS detecting_assets,
    activity.tags AS tags,
    activity.tags_30d AS tags_30d,
    if(activity.tags = 0, NULL, activity.last_at) AS last_tag_at
FROM attack_catalogue AS c
LEFT JOIN
(
    SELECT
        s.technique_id AS technique_id,
        countIf(is_counted) AS detection_count,
        countIf(is_counted AND validation_id != '' AND result > 0) AS valid_detection_count,
        maxIf(result, is_counted AND validation_id != '') AS best,
        countIf(rule.is_enabled AND log_source_name != '' AND lowerUTF8(log_source_name) IN (
            SELECT DISTINCT lowerUTF8(arrayJoin([
                source, kind, product, service, category,
                concat(product, '-', service), concat(product, '-', category),
                concat(product, '/', service), concat(product, '/', category)]))
            FROM source_days
            WHERE first_seen <= at AND last_seen >= at - toIntervalDay(30))) AS detecting_assets
    FROM detection_state(at_s = {at_s:Float64}) AS s
    LEFT JOIN
    (
        -- Assets that are rules of ours; a rule goes by the asset's id or by an external id of ours.
        SELECT asset_id, NOT hasAny(rule_ids, disabled) AS is_enabled
        FROM
        (
            SELECT asset_id, arrayPushFront(
                arrayMap(x -> x.id, arrayFilter(x -> x.system = 'ttpstream', external_ids)), asset_id) AS rule_ids
            FROM
            (
                SELECT asset_id, external_ids, rule_hash, logic_hash
                FROM asset_events
                WHERE event_time <= at
                ORDER BY asset_id, version DESC
                LIMIT 1 BY asset_id
            )
            WHERE rule_hash != '' OR logic_hash != ''
        ) AS ruled
        CROSS JOIN
        (
            SELECT groupArray(id) AS disabled
            FROM
            (
                SELECT id, op, entity, derived
                FROM catalog_events
                WHERE kind = 'rule_state' AND event_time <= at
                ORDER BY id, version DESC
                LIMIT 1 BY id
            )
            WHERE op = 'put'
                AND JSONExtractString(entity, 'state') = 'disabled'
                AND ifNull(parseDateTime64BestEffortOrNull(JSONExtractString(
                    if(JSONHas(derived, 'expires_at'), derived, entity), 'expires_at'), 3, 'UTC') > at, true)
        ) AS states
    ) AS rule ON rule.asset_id = s.asset_id
    GROUP BY technique_id
) AS d ON d.technique_id = c.technique_id
LEFT JOIN
(
    SELECT
        arrayJoin(if(sub_technique_id = '', [part.technique_id], [part.technique_id, sub_technique_id])) AS technique_id,
        sum(part.tags) AS tags,
        sum(part.tags_30d) AS tags_30d,
        max(part.last_at) AS last_at
    FROM
    (
        SELECT
            technique_id,
            sub_technique_id,
            sum(count) AS tags,
            sumIf(count, day > today - 30) AS tags_30d,
            max(last_seen) AS last_at
        FROM tag_days
        WHERE day >= days_from AND day < today AND NOT is_superseded
        GROUP BY technique_id, sub_technique_id
        UNION ALL
        SELECT technique_id, sub_technique_id, sum(count) AS tags, 0 AS tags_30d, max(last_seen) AS last_at
        FROM tag_months
        WHERE month < days_from AND NOT is_superseded
        GROUP BY technique_id, sub_technique_id
        UNION ALL
        SELECT technique_id, sub_technique_id, count() AS tags, count() AS tags_30d, max(event_time) AS last_at
        FROM tags
        WHERE event_time >= toDateTime64(today, 3, 'UTC') AND event_time <= at AND NOT is_superseded
        GROUP BY technique_id, sub_technique_id
    ) AS part
    GROUP BY technique_id
) AS activity ON activity.technique_id = c.technique_id
WHERE c.is_active
SETTINGS join_use_nulls = 0;
