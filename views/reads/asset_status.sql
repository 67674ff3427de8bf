-- One row per detection asset as of at_s (epoch seconds): whether it works. In this order: untested (never
-- validated), noisy (a UTC day of the last 30 with more alerts than its policy allows), silent (in service and
-- without an alert or a hit of its own rule for the days its policy allows), healthy. Alerts around a test on
-- the same machine break the silence but make no noise. silent_because: log_source where nothing of its log
-- source arrived either, else rule. health_factor: what that counts for in confidence. is_counted: adopted, or
-- validated at least once. A hit whose tag is superseded is none: the rule of today takes it back, or has one of its
-- own at the same event time.
-- after: decay_policy_order
-- inlines: alerts_at, alert_assets, test_runs
CREATE OR REPLACE VIEW asset_status AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    (SELECT policies FROM decay_policy_order) AS policies,
    -- When something of each log source last came, by every name it goes by.
    (
        SELECT mapFromArrays(groupArray(name), groupArray(last_at))
        FROM
        (
            SELECT
                lowerUTF8(arrayJoin([
                    source, kind, product, service, category,
                    concat(product, '-', service), concat(product, '-', category),
                    concat(product, '/', service), concat(product, '/', category)])) AS name,
                max(least(last_seen, at)) AS last_at
            FROM source_days
            WHERE first_seen <= at
            GROUP BY name
        )
    ) AS arrivals,
    -- Runs of tests on one axis, machine after machine, so that the last on a machine before an alert is found by its
    -- place; a join takes three times as long. (machines, their numbers, places); the first place is long before all.
    toInt64(17592186044416) AS axis_ms,
    (
        SELECT (
            groupArray(machine),
            arrayEnumerate(groupArray(machine)),
            arraySort(arrayPushBack(
                arrayFlatten(arrayMap(
                    (starts, number) -> arrayMap(start -> number * axis_ms + start, starts),
                    groupArray(starts),
                    arrayEnumerate(groupArray(starts)))),
                -axis_ms)))
        FROM
        (
            SELECT arrayJoin(machines) AS machine, groupArray(toUnixTimestamp64Milli(started_at)) AS starts
            FROM test_runs(at_s = {at_s:Float64}, from_s = {at_s:Float64} - 32 * 86400, to_s = {at_s:Float64} + 1)
            WHERE machine != ''
            GROUP BY machine
        )
    ) AS runs,
    -- (rules, times): when each rule last hit.
    (
        SELECT (groupArray(rule_id), groupArray(last_at))
        FROM
        (
            SELECT rule_id, max(last_at) AS last_at
            FROM
            (
                SELECT rule_id, max(last_seen) AS last_at
                FROM tag_months
                WHERE month < toStartOfMonth(at) AND NOT is_superseded
                GROUP BY rule_id
                UNION ALL
                SELECT rule_id, max(last_seen) AS last_at
                FROM tag_days
                WHERE day >= toStartOfMonth(at) AND day < toDate(at) AND NOT is_superseded
                GROUP BY rule_id
                UNION ALL
                SELECT rule_id, max(event_time) AS last_at
                FROM tags
                WHERE event_time >= toDateTime64(toDate(at), 3, 'UTC') AND event_time <= at AND NOT is_superseded
                GROUP BY rule_id
            )
            GROUP BY rule_id
        )
    ) AS hits,
    -- (subjects, assets): whose the alerts of a rule are.
    (SELECT (groupArray(subject), groupArray(asset_id)) FROM alert_assets(at_s = {at_s:Float64})) AS aliases
SELECT
    asset_id,
    is_active,
    is_counted,
    active_since,
    multiIf(
        NOT is_validated, 'untested',
        is_noisy, 'noisy',
        is_silent, 'silent',
        'healthy') AS health_status,
    transform(health_status, ['healthy', 'noisy', 'untested'], [1, 0.5, 0.25], 0.) AS health_factor,
    if(health_status = 'silent',
        if(log_source_name != '' AND arrivals[lowerUTF8(log_source_name)] < silent_from, 'log_source', 'rule'),
        NULL) AS silent_because,
    nullIf(last_hit_at, never) AS last_hit_at,
    alert_count_30d,
    noisiest_day_alerts
FROM
(
    SELECT
        a.asset_id AS asset_id,
        a.is_active AS is_active,
        a.active_since AS active_since,
        a.log_source_name AS log_source_name,
        toDateTime64(0, 3, 'UTC') AS never,
        arrayFirst(
            p -> p.from_time <= at AND at < p.to_time
                AND (p.is_default OR (
                    p.platform IN ('', a.platform) AND p.asset_type IN ('', lowerUTF8(a.asset_type)) AND p.tactic = '')),
            policies) AS policy,
        at - toIntervalMillisecond(toInt64(86400000 * policy.silent_days)) AS silent_from,
        a.asset_id IN (SELECT asset_id FROM validation_spans FINAL WHERE validated_at <= at) AS is_validated,
        a.adoption = 'adopted' OR is_validated AS is_counted,
        n.last_alert_at AS last_alert_at,
        arrayMax(arrayMap(
            rule_id -> transform(rule_id, hits.1, hits.2, never),
            arrayPushFront(arrayMap(x -> x.id, arrayFilter(x -> x.system = 'ttpstream', a.external_ids)), asset_id)))
            AS last_hit_at,
        n.alert_count_30d AS alert_count_30d,
        n.noisiest_day_alerts AS noisiest_day_alerts,
        n.noisiest_day_alerts > policy.noisy AS is_noisy,
        a.is_active AND a.active_since <= silent_from AND greatest(n.last_alert_at, last_hit_at) < silent_from
            AS is_silent
    FROM
    (
        SELECT
            asset_id,
            argMax(e.adoption, version) AS adoption,
            argMax(platform, version) AS platform,
            argMax(asset_type, version) AS asset_type,
            argMax(log_source_name, version) AS log_source_name,
            argMax(external_ids, version) AS external_ids,
            argMax(e.is_active, version) AS is_active,
            -- The first change after the last that took it out of service.
            minIf(event_time, version > last_off) AS active_since
        FROM
        (
            SELECT *, version, maxIf(version, NOT is_active) OVER (PARTITION BY asset_id) AS last_off
            FROM asset_events
            WHERE event_time <= at
        ) AS e
        GROUP BY asset_id
        HAVING argMax(op, version) = 'put'
    ) AS a
    LEFT JOIN
    (
        SELECT
            asset_id,
            max(last_raised_at) AS last_alert_at,
            sum(raised_30d) AS alert_count_30d,
            max(raised_noise) AS noisiest_day_alerts
        FROM
        (
            SELECT
                transform(subject, aliases.1, aliases.2) AS asset_id,
                toDate(raised_at) AS day,
                max(raised_at) AS last_raised_at,
                countIf(raised_at > at - toIntervalDay(30)) AS raised_30d,
                countIf(day > toDate(at) - 30 AND NOT arrayExists(
                    place -> place - roundDown(place, runs.3) BETWEEN 0 AND 86460000,
                    arrayMap(
                        host -> transform(host, runs.1, runs.2, toInt64(0)) * axis_ms
                            + toUnixTimestamp64Milli(event_time) + 60000,
                        hosts))) AS raised_noise
            FROM alerts_at(
                at_s = {at_s:Float64},
                since_s = greatest(0, {at_s:Float64} - 86400 * greatest(31, arrayMax(policies.silent_days))))
            GROUP BY asset_id, day
        )
        GROUP BY asset_id
    ) AS n ON n.asset_id = a.asset_id
)
SETTINGS join_use_nulls = 0;
