-- One row per validation seen by at_s (epoch seconds): whether it is valid then, and every cause why not. asset_id ''
-- is any. A derived cause lasts as long as what causes it: expired, rule_changed, infrastructure_changed,
-- log_source_changed, infrastructure_event, asset_deactivated. A declared invalidation lasts for ever.
-- What the asset was at validated_at is stated by the validation, else looked up; an asset first heard
-- of later is taken to have been then what it was first. technique_id '': every technique of the asset.
-- is_unchanged: no cause but expiry. What an asset was from each change on is worked out once an asset, and
-- texts are compared by their hashes: there are many more validations.
-- after: decay_terms
CREATE OR REPLACE VIEW validity AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never,
    (SELECT terms FROM decay_terms) AS policies,
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
    ) AS infrastructure,
    arrayMap(
        p -> (p.from_time, p.to_time, p.term, p.is_any, p.techniques),
        arrayFilter(p -> p.is_default OR (p.platform = '' AND p.asset_type = ''), policies)) AS terms_of_none
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
    if(stated_logic_hash = '', then_logic_hash, stated_logic_hash) AS logic_hash,
    if(stated_rule_hash = '', then_rule_hash, stated_rule_hash) AS rule_hash,
    then_rule_version AS rule_version,
    if(stated_log_source_version = '', then_log_source_version, stated_log_source_version) AS log_source_version,
    if(stated_infrastructure_hash = '', then_infrastructure_hash, stated_infrastructure_hash) AS infrastructure_hash,
    if(is_declared, declared_at, NULL) AS invalidated_at,
    nullIf(declared_by, '') AS invalidated_by,
    nullIf(declared_reason, '') AS invalidation_reason,
    arrayFilter(cause -> cause != '', [
        if(is_declared, 'declared', ''),
        if(is_in_service, '', 'asset_deactivated'),
        if(is_rule_changed, 'rule_changed', ''),
        if(is_infrastructure_changed, 'infrastructure_changed', ''),
        if(is_log_source_changed, 'log_source_changed', ''),
        if(is_touched, 'infrastructure_event', ''),
        if(is_expired, 'expired', '')
    ]) AS causes,
    toUInt8(is_unchanged AND NOT is_expired) AS is_valid,
    version,
    toBool(NOT (is_declared OR NOT is_in_service OR is_rule_changed OR is_infrastructure_changed
        OR is_log_source_changed OR is_touched)) AS is_unchanged,
    is_rule_changed
FROM
(
    SELECT
        v.validation_id AS validation_id,
        v.asset_id AS asset_id,
        v.technique_id AS technique_id,
        v.test_id AS test_id,
        v.validated_at AS validated_at,
        v.validated_by AS validated_by,
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
        asset.rule_hash AS then_rule_hash,
        asset.logic_hash AS then_logic_hash,
        asset.log_source_version AS then_log_source_version,
        asset.infrastructure_hash AS then_infrastructure_hash,
        asset.rule_version AS then_rule_version,
        asset.is_in_service AS is_in_service,
        -- No text is hashed to 0, nor is there an asset that is not.
        if(v.logic_hash = '', asset.logic_key, sipHash128(v.logic_hash)) AS logic_key,
        toBool(if(
            logic_key != none AND asset.logic_key_now != none,
            logic_key != asset.logic_key_now,
            if(v.rule_hash = '', asset.rule_key, sipHash128(v.rule_hash)) != asset.rule_key_now)) AS is_rule_changed,
        if(v.infrastructure_hash = '', asset.infrastructure_key, sipHash128(v.infrastructure_hash))
            != asset.infrastructure_key_now AS is_infrastructure_changed,
        if(v.log_source_version = '', asset.log_source_key, sipHash128(v.log_source_version))
            != asset.log_source_key_now AS is_log_source_changed,
        asset.touched_at > v.validated_at AS is_touched,
        if(v.is_expiry_default,
            v.validated_at + toIntervalMillisecond(if(asset.is_one_term, asset.term, arrayFirst(
                p -> p.1 <= v.validated_at AND v.validated_at < p.2 AND (p.4 OR has(p.5, v.technique_id)),
                if(empty(asset.terms), terms_of_none, asset.terms)).3)),
            v.expires_at) AS ends_at,
        ends_at <= at AS is_expired,
        declared.of != '' AS is_declared,
        declared.first_at AS declared_at,
        declared.first_by AS declared_by,
        declared.first_reason AS declared_reason,
        toFixedString('', 16) AS none
    FROM
    (
        SELECT *, version
        FROM validation_events
        WHERE {asset_id:String} = '' OR validation_id IN (
            SELECT validation_id FROM validation_events WHERE asset_id = {asset_id:String})
        ORDER BY validation_id, event_time, record_time, partition, offset
        LIMIT 1 BY validation_id
    ) AS v
    ASOF LEFT JOIN
    (
        -- What it was from each put on, from the first one on also before; a deletion only takes it out of service.
        -- Of puts at one time the last counts.
        SELECT
            h.*,
            now.is_in_service AS is_in_service,
            now.rule_key AS rule_key_now,
            now.logic_key AS logic_key_now,
            now.infrastructure_key AS infrastructure_key_now,
            now.log_source_key AS log_source_key_now,
            greatest(
                infrastructure[concat('p:', now.platform)],
                infrastructure[concat('s:', lowerUTF8(now.log_source_name))]) AS touched_at,
            -- From when, before when, how long, for any technique or for these: of policies that may govern it.
            arrayMap(
                p -> (p.from_time, p.to_time, p.term, p.is_any, p.techniques),
                arrayFilter(
                    p -> p.to_time > h.from_time
                        AND (p.is_default OR (p.platform IN ('', h.platform) AND p.asset_type IN ('', h.asset_type))),
                    policies)) AS all_terms,
            -- Mostly it is one from then on; a list is not given to each validation then.
            all_terms[1].1 <= h.from_time AND all_terms[1].2 = never AND all_terms[1].4 AS is_one_term,
            all_terms[1].3 AS term,
            if(is_one_term, [], all_terms) AS terms
        FROM
        (
            SELECT
                asset_id, arrayJoin(froms) AS from_time, platform, lowerUTF8(asset_events.asset_type) AS asset_type,
                rule_hash, logic_hash, infrastructure_hash, log_source_version, rule_version,
                if(rule_hash = '', toFixedString('', 16), sipHash128(rule_hash)) AS rule_key,
                if(logic_hash = '', toFixedString('', 16), sipHash128(logic_hash)) AS logic_key,
                if(infrastructure_hash = '', toFixedString('', 16), sipHash128(infrastructure_hash))
                    AS infrastructure_key,
                if(log_source_version = '', toFixedString('', 16), sipHash128(log_source_version)) AS log_source_key
            FROM
            (
                SELECT
                    *,
                    version = min(version) OVER (PARTITION BY asset_id) AS is_first,
                    version = max(version) OVER (PARTITION BY asset_id, event_time) AS is_last_then,
                    arrayConcat(
                        if(is_first, [toDateTime64(0, 3, 'UTC')], []),
                        if(is_last_then, [event_time], [])) AS froms
                FROM (SELECT *, version FROM asset_events WHERE event_time <= at AND op = 'put')
            ) AS asset_events
        ) AS h
        INNER JOIN
        (
            SELECT
                asset_id,
                argMax(is_active, version) AS is_in_service,
                argMaxIf(asset_events.platform, version, op = 'put') AS platform,
                argMaxIf(asset_events.log_source_name, version, op = 'put') AS log_source_name,
                argMaxIf(if(rule_hash = '', toFixedString('', 16), sipHash128(rule_hash)), version, op = 'put')
                    AS rule_key,
                argMaxIf(if(logic_hash = '', toFixedString('', 16), sipHash128(logic_hash)), version, op = 'put')
                    AS logic_key,
                argMaxIf(if(infrastructure_hash = '', toFixedString('', 16), sipHash128(infrastructure_hash)),
                    version, op = 'put') AS infrastructure_key,
                argMaxIf(if(log_source_version = '', toFixedString('', 16), sipHash128(log_source_version)),
                    version, op = 'put') AS log_source_key
            FROM asset_events
            WHERE event_time <= at
            GROUP BY asset_id
        ) AS now ON now.asset_id = h.asset_id
    ) AS asset ON asset.asset_id = v.asset_id AND asset.from_time <= v.validated_at
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
    WHERE v.validated_at <= at AND {asset_id:String} IN ('', v.asset_id)
)
SETTINGS join_use_nulls = 0;
