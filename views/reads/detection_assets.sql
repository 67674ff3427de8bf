-- One row per detection asset that exists as of at_s (epoch seconds), with its techniques and how its validations
-- stand; asset_id '' is every asset. Its health is in asset_status, and asset_alerts. is_counted: adopted, or validated at least once; a
-- candidate made from a rule is in no list and no score before. last_rule_change_at: when what its rule does
-- last became different, its first text included; null without a rule. next_expiry_at: the earliest end of a
-- validation that is valid.
-- inlines: asset_mappings, validity_brief
CREATE OR REPLACE VIEW detection_assets AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    toDateTime64(0, 3, 'UTC') AS never
SELECT
    a.asset_id AS asset_id,
    a.name AS name,
    nullIf(a.description, '') AS description,
    a.asset_type AS asset_type,
    nullIf(a.platform, '') AS platform,
    nullIf(a.rule_language, '') AS rule_language,
    nullIf(a.rule_repository_url, '') AS rule_repository_url,
    nullIf(a.rule_file_path, '') AS rule_file_path,
    nullIf(a.rule_version, '') AS rule_version,
    nullIf(a.rule_hash, '') AS rule_hash,
    nullIf(a.logic_hash, '') AS logic_hash,
    nullIf(past.rule_changed_at, never) AS last_rule_change_at,
    nullIf(a.log_source_name, '') AS log_source_name,
    nullIf(a.log_source_version, '') AS log_source_version,
    a.log_source_config AS log_source_config,
    nullIf(a.infrastructure_hash, '') AS infrastructure_hash,
    a.infrastructure_details AS infrastructure_details,
    nullIf(a.expected_alert_frequency, '') AS expected_alert_frequency,
    nullIf(a.owner_id, '') AS owner_id,
    nullIf(a.backup_owner_id, '') AS backup_owner_id,
    nullIf(a.team, '') AS team,
    a.is_active AS is_active,
    a.adoption AS adoption,
    toBool(a.adoption = 'adopted' OR validated.validation_count > 0) AS is_counted,
    a.tags AS tags,
    a.asset_metadata AS asset_metadata,
    a.external_ids AS external_ids,
    past.created_by AS created_by,
    past.created_at AS created_at,
    a.event_time AS updated_at,
    mapped.technique_ids AS technique_ids,
    validated.validation_count AS validation_count,
    validated.valid_validation_count AS valid_validation_count,
    if(validated.valid_validation_count = 0, NULL, validated.next_expiry) AS next_expiry_at
FROM
(
    SELECT *
    FROM
    (
        SELECT *
        FROM asset_events
        WHERE event_time <= at AND {asset_id:String} IN ('', asset_id)
        ORDER BY asset_id, version DESC
        LIMIT 1 BY asset_id
    )
    WHERE op = 'put'
) AS a
LEFT JOIN
(
    SELECT
        asset_id,
        arraySort(groupArray((version, event_time, actor, rule_hash, logic_hash))) AS history,
        history[1].2 AS created_at,
        history[1].3 AS created_by,
        arrayMax(arrayMap((h, before) -> if(
            multiIf(
                before.1 = 0, h.4 != '' OR h.5 != '',
                h.5 != '' AND before.5 != '', h.5 != before.5,
                h.4 != before.4),
            h.2, toDateTime64(0, 3, 'UTC')),
            history,
            arrayPushFront(arrayPopBack(history), (toUInt256(0), toDateTime64(0, 3, 'UTC'), '', '', '')))) AS rule_changed_at
    FROM
    (
        -- Of changes at one instant the last counts: our word on a rule follows somebody's on its asset. Whoever
        -- came first has made it.
        SELECT
            asset_id,
            event_time,
            max(e.version) AS version,
            argMin(e.actor, e.version) AS actor,
            argMax(e.rule_hash, e.version) AS rule_hash,
            argMax(e.logic_hash, e.version) AS logic_hash
        FROM asset_events AS e
        WHERE event_time <= at AND op = 'put'
        GROUP BY asset_id, event_time
    )
    GROUP BY asset_id
) AS past ON past.asset_id = a.asset_id
LEFT JOIN
(
    SELECT asset_id, arraySort(groupArray(technique_id)) AS technique_ids
    FROM asset_mappings(at_s = {at_s:Float64}, asset_id = {asset_id:String})
    WHERE removed_at IS NULL
    GROUP BY asset_id
) AS mapped ON mapped.asset_id = a.asset_id
LEFT JOIN
(
    SELECT
        asset_id,
        count() AS validation_count,
        countIf(is_valid) AS valid_validation_count,
        minIf(expires_at, is_valid) AS next_expiry
    FROM validity_brief(at_s = {at_s:Float64})
    WHERE {asset_id:String} IN ('', asset_id)
    GROUP BY asset_id
) AS validated ON validated.asset_id = a.asset_id
SETTINGS join_use_nulls = 0;
