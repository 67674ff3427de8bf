-- One row per alert raised by at_s, as alert_state has it, of those that a question about since_s and later
-- needs (epoch seconds; 0: all): each that was raised since, and each whose activity began since. Older ones
-- may be among them, such as one that was closed since: the caller bounds what it counts. Each of these has a
-- record that tells a time since then; the records of just these alerts are put together.
-- after: alert_assets
CREATE OR REPLACE VIEW alert_state_since AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({since_s:Float64} * 1000)), 'UTC') AS since,
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    -- Stands for a cleared time while the newest is looked for; no input reaches it.
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    alert_id,
    event_time,
    ifNull(told_raised_at, event_time) AS raised_at,
    rule_system,
    rule_id,
    rule_name,
    rule_version,
    if(told_asset_id = '', alias.asset_id, told_asset_id) AS asset_id,
    severity,
    if(empty(told_technique_ids), mapped.technique_ids, told_technique_ids) AS technique_ids,
    hosts,
    users,
    src_ips,
    source_event_ids,
    status,
    acknowledged_at,
    if(word.of != '' AND word.version >= verdict_version, word.verdict, told_verdict) AS verdict,
    if(verdict IS NULL, NULL, if(word.of != '' AND word.version >= verdict_version,
        word.given_at, ifNull(told_verdict_at, verdict_time))) AS verdict_at,
    url,
    updated_at
FROM
(
    SELECT
        alert_id,
        min(e.event_time) AS event_time,
        max(e.event_time) AS updated_at,
        nullIf(argMax(if(has(cleared, 'raised_at'), never, e.raised_at), version), never) AS told_raised_at,
        nullIf(argMax(e.rule_system, version), '') AS rule_system,
        nullIf(argMax(e.rule_id, version), '') AS rule_id,
        nullIf(argMax(e.rule_name, version), '') AS rule_name,
        nullIf(argMax(e.rule_version, version), '') AS rule_version,
        ifNull(argMax(if(has(cleared, 'asset_id'), '', e.asset_id), version), '') AS told_asset_id,
        nullIf(argMax(if(has(cleared, 'severity'), '', e.severity), version), '') AS severity,
        argMaxIf(if(has(cleared, 'technique_ids'), [], e.technique_ids), version,
            notEmpty(e.technique_ids) OR has(cleared, 'technique_ids')) AS told_technique_ids,
        argMaxIf(if(has(cleared, 'hosts'), [], e.hosts), version,
            notEmpty(e.hosts) OR has(cleared, 'hosts')) AS hosts,
        argMaxIf(if(has(cleared, 'users'), [], e.users), version,
            notEmpty(e.users) OR has(cleared, 'users')) AS users,
        argMaxIf(if(has(cleared, 'src_ips'), [], e.src_ips), version,
            notEmpty(e.src_ips) OR has(cleared, 'src_ips')) AS src_ips,
        argMaxIf(if(has(cleared, 'source_event_ids'), [], e.source_event_ids), version,
            notEmpty(e.source_event_ids) OR has(cleared, 'source_event_ids')) AS source_event_ids,
        nullIf(argMax(if(has(cleared, 'status'), '', e.status), version), '') AS status,
        nullIf(argMax(if(has(cleared, 'acknowledged_at'), never, e.acknowledged_at), version), never)
            AS acknowledged_at,
        nullIf(argMax(if(has(cleared, 'verdict'), '', e.verdict), version), '') AS told_verdict,
        maxIf(version, e.verdict IS NOT NULL OR has(cleared, 'verdict')) AS verdict_version,
        argMaxIf(e.event_time, version, e.verdict IS NOT NULL) AS verdict_time,
        nullIf(argMax(if(has(cleared, 'verdict_at'), never, e.verdict_at), version), never) AS told_verdict_at,
        nullIf(argMax(if(has(cleared, 'url'), '', e.url), version), '') AS url
    FROM alert_events AS e
    WHERE e.event_time <= at
        AND ({since_s:Float64} = 0 OR alert_id IN (
            SELECT alert_id
            FROM alert_events
            WHERE event_time <= at AND (event_time >= since OR raised_at >= since)))
    GROUP BY alert_id
    HAVING ifNull(told_raised_at, event_time) <= at
) AS a
LEFT JOIN
(
    SELECT rule_system AS system, rule_id AS id, asset_id FROM alert_assets(at_s = {at_s:Float64})
) AS alias ON alias.system = ifNull(a.rule_system, '') AND alias.id = ifNull(a.rule_id, '')
LEFT JOIN
(
    SELECT of, arraySort(groupUniqArray(technique_id)) AS technique_ids
    FROM
    (
        SELECT
            argMaxIf(asset_id, version, op = 'put') AS of,
            argMaxIf(m.technique_id, version, op = 'put') AS technique_id
        FROM mapping_events AS m
        WHERE event_time <= at
        GROUP BY mapping_id
        HAVING argMax(op, version) = 'put'
    )
    GROUP BY of
) AS mapped ON mapped.of = if(a.told_asset_id = '', alias.asset_id, a.told_asset_id)
LEFT JOIN
(
    SELECT
        JSONExtractString(entity, 'alert_id') AS of,
        argMax(if(JSONHas(derived, 'verdict'), JSONExtractString(derived, 'verdict'),
            JSONExtractString(entity, 'verdict')), c.version) AS verdict,
        argMax(event_time, c.version) AS given_at,
        max(c.version) AS version
    FROM catalog_events AS c
    WHERE kind = 'verdict' AND op = 'put' AND event_time <= at
    GROUP BY of
) AS word ON word.of = a.alert_id
SETTINGS join_use_nulls = 0;
