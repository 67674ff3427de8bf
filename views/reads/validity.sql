-- One row per validation seen by at_s (epoch seconds): whether it is valid then, and every cause why not. A
-- derived cause lasts as long as what causes it: expired, rule_changed, infrastructure_changed,
-- log_source_changed, infrastructure_event, asset_deactivated. A declared invalidation lasts for ever.
-- What the asset was at validated_at is stated by the validation, else looked up; an asset first heard
-- of later is taken to have been then what it was first. technique_id '': every technique of the asset.
-- after: decay_policy_order, attack_catalogue
CREATE OR REPLACE VIEW validity AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    -- Only what is asked of each validation: a wide tuple is copied for every one.
    (
        SELECT CAST(
            arrayMap(p -> (p.platform, p.asset_type, p.tactic, p.is_default, p.from_time, p.to_time,
                p.validity_days), policies),
            'Array(Tuple(platform String, asset_type String, tactic String, is_default Bool,
                from_time DateTime64(3, \'UTC\'), to_time DateTime64(3, \'UTC\'), validity_days Float64))')
        FROM decay_policy_order
    ) AS policies,
    -- The latest change up to then that touches a platform ('p:…') or a log source ('s:…').
    (
        SELECT mapFromArrays(groupArray(touched), groupArray(date))
        FROM
        (
            SELECT
                arrayJoin(arrayConcat(
                    arrayMap(name -> concat('p:', name), affected_platforms),
                    arrayMap(name -> concat('s:', lowerUTF8(name)), affected_log_sources))) AS touched,
                max(change_date) AS date
            FROM
            (
                SELECT op, auto_invalidate, change_date, affected_platforms, affected_log_sources
                FROM infrastructure_events
                WHERE event_time <= at
                ORDER BY change_id, version DESC
                LIMIT 1 BY change_id
            )
            WHERE op = 'put' AND auto_invalidate AND change_date <= at
            GROUP BY touched
        )
    ) AS infrastructure
SELECT
    validation_id,
    asset_id,
    technique_id,
    test_id,
    validated_at,
    validated_by,
    ends_at AS expires_at,
    validation_result,
    validation_method,
    evidence_ids,
    notes,
    integrity_hash,
    then_logic_hash AS logic_hash,
    then_rule_hash AS rule_hash,
    then_rule_version AS rule_version,
    then_log_source_version AS log_source_version,
    then_infrastructure_hash AS infrastructure_hash,
    if(is_declared, declared_at, NULL) AS invalidated_at,
    nullIf(declared_by, '') AS invalidated_by,
    nullIf(declared_reason, '') AS invalidation_reason,
    arrayFilter(cause -> cause != '', [
        if(is_declared, 'declared', ''),
        if(is_in_service, '', 'asset_deactivated'),
        if(if(now.logic_hash != '' AND then_logic_hash != '',
            now.logic_hash = then_logic_hash, now.rule_hash = then_rule_hash), '', 'rule_changed'),
        if(now.infrastructure_hash = then_infrastructure_hash, '', 'infrastructure_changed'),
        if(now.log_source_version = then_log_source_version, '', 'log_source_changed'),
        if(infrastructure[concat('p:', now.platform)] > validated_at
            OR infrastructure[concat('s:', lowerUTF8(now.log_source_name))] > validated_at, 'infrastructure_event', ''),
        if(ends_at <= at, 'expired', '')
    ]) AS causes,
    empty(causes) AS is_valid,
    version
FROM
(
    SELECT
        *,
        if(dated.is_put, dated, history[1]) AS then,
        if(stated_logic_hash = '', then.logic_hash, stated_logic_hash) AS then_logic_hash,
        if(stated_rule_hash = '', then.rule_hash, stated_rule_hash) AS then_rule_hash,
        if(stated_log_source_version = '', then.log_source_version, stated_log_source_version) AS then_log_source_version,
        if(stated_infrastructure_hash = '', then.infrastructure_hash, stated_infrastructure_hash)
            AS then_infrastructure_hash,
        then.rule_version AS then_rule_version,
        if(is_expiry_default,
            validated_at + toIntervalMillisecond(toInt64(86400000 * arrayFirst(
                p -> p.from_time <= validated_at AND validated_at < p.to_time
                    AND (p.is_default OR (
                        p.platform IN ('', then.platform)
                        AND p.asset_type IN ('', lowerUTF8(then.asset_type))
                        AND (p.tactic = '' OR has(tactics, p.tactic)))),
                policies).validity_days)),
            expires_at) AS ends_at
    FROM
    (
        SELECT
            v.validation_id AS validation_id,
            v.asset_id AS asset_id,
            v.technique_id AS technique_id,
            v.test_id AS test_id,
            v.validated_at AS validated_at,
            v.validated_by AS validated_by,
            v.expires_at AS expires_at,
            v.is_expiry_default AS is_expiry_default,
            v.validation_result AS validation_result,
            v.validation_method AS validation_method,
            v.evidence_ids AS evidence_ids,
            v.notes AS notes,
            v.integrity_hash AS integrity_hash,
            v.rule_hash AS stated_rule_hash,
            v.logic_hash AS stated_logic_hash,
            v.log_source_version AS stated_log_source_version,
            v.infrastructure_hash AS stated_infrastructure_hash,
            v.version AS version,
            assets.history AS history,
            assets.history[-1] AS now,
            arrayLast(h -> h.event_time <= v.validated_at, assets.history) AS dated,
            assets.is_in_service AS is_in_service,
            technique.tactics AS tactics,
            declared.of != '' AS is_declared,
            declared.first_at AS declared_at,
            declared.first_by AS declared_by,
            declared.first_reason AS declared_reason
        FROM
        (
            SELECT *, version
            FROM validation_events
            ORDER BY validation_id, version
            LIMIT 1 BY validation_id
        ) AS v
        LEFT JOIN
        (
            -- What it was after each put, in order; a deletion only takes it out of service.
            SELECT
                asset_id,
                argMax(is_active, version) AS is_in_service,
                arrayMap(h -> h.2, arraySort(h -> h.1, groupArrayIf((version, CAST((
                    event_time, true, platform, asset_type, log_source_name, log_source_version, rule_hash,
                    logic_hash, infrastructure_hash, rule_version),
                    'Tuple(event_time DateTime64(3, \'UTC\'), is_put Bool, platform String, asset_type String,
                        log_source_name String, log_source_version String, rule_hash String, logic_hash String,
                        infrastructure_hash String, rule_version String)')), op = 'put'))) AS history
            FROM asset_events
            WHERE event_time <= at
            GROUP BY asset_id
        ) AS assets ON assets.asset_id = v.asset_id
        LEFT JOIN
        (
            SELECT
                validation_id AS of,
                min(invalidated_at) AS first_at,
                argMin(i.invalidated_by, version) AS first_by,
                argMin(i.invalidation_reason, version) AS first_reason
            FROM invalidation_events AS i
            WHERE event_time <= at
            GROUP BY validation_id
        ) AS declared ON declared.of = v.validation_id
        LEFT JOIN (SELECT technique_id, tactics FROM attack_catalogue) AS technique
            ON technique.technique_id = v.technique_id
        WHERE v.validated_at <= at
    )
)
SETTINGS join_use_nulls = 0;
