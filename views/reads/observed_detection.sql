-- One row per selected test as of at_s, in its latest round: what was really seen of it (filters as in
-- test_selection, times epoch seconds). A tag or alert goes to the latest test of its technique on its machine
-- that began before it (clocks may differ by 60 s), if that was within 24 hours. A technique and its
-- sub-technique meet (is_parent_match_only where nothing nearer was seen), two sub-techniques do not.
-- Stages are seconds after red_started_at, null if never: a tag's event (hit), its ingestion and tagging, alert,
-- acknowledgement, validation by blue. detected_seconds: the first of hit and alert, within 24 hours.
-- censored_seconds: how long it was looked for: 24 hours, or the age of a younger test.
-- is_coincidental: in the 7 days before, its technique was seen on its machines without a test.
-- miss_reason, without an alert: no_events, no_rule_matched, alert_wrong_technique, rule_matched_no_alert.
-- excluded_reason: unknown_state, not_begun, no_technique or no_machine; nothing is said of such a test.
-- disagreement: blue said detected and nothing was seen (said_detected), or the reverse (said_missed).
-- Superseded tags count: that the rule of that time saw it is what is told here.
-- after: test_selection, test_windows, test_runs, alerts_at, alert_assets, attack_catalogue
CREATE OR REPLACE VIEW observed_detection AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    fromUnixTimestamp64Milli(toInt64(round(greatest({from_s:Float64} - 7 * 86400 - 60, 0) * 1000)), 'UTC') AS signals_from,
    fromUnixTimestamp64Milli(toInt64(round(({to_s:Float64} + 86400) * 1000)), 'UTC') AS signals_to,
    toDateTime64(0, 3, 'UTC') AS never
SELECT
    test_id,
    round,
    exercise,
    name,
    technique_id,
    tactics,
    platform,
    state,
    detection_result,
    red_started_at,
    excluded_reason,
    hits,
    alerts,
    toBool(hits + alerts > 0 AND exact = 0) AS is_parent_match_only,
    baseline AS baseline_signals,
    toBool(baseline > 0) AS is_coincidental,
    seconds[1] AS hit_seconds,
    seconds[2] AS ingested_seconds,
    seconds[3] AS tagged_seconds,
    seconds[4] AS alerted_seconds,
    seconds[5] AS acknowledged_seconds,
    seconds[6] AS validated_seconds,
    if(hit_seconds IS NULL AND alerted_seconds IS NULL, NULL,
        least(ifNull(hit_seconds, 1e9), ifNull(alerted_seconds, 1e9))) AS first_seconds,
    if(first_seconds <= 86400, first_seconds, NULL) AS detected_seconds,
    if(excluded_reason IS NOT NULL, NULL,
        least(86400, (toUnixTimestamp64Milli(at) - toUnixTimestamp64Milli(started_at)) / 1000)) AS censored_seconds,
    multiIf(
        excluded_reason IS NOT NULL OR alerts > 0, NULL,
        hits > 0, 'rule_matched_no_alert',
        other_alerts > 0, 'alert_wrong_technique',
        has_events, 'no_rule_matched',
        'no_events') AS miss_reason,
    multiIf(
        excluded_reason IS NOT NULL, NULL,
        ifNull(detection_result, '') IN ('detected', 'partially_detected') AND detected_seconds IS NULL, 'said_detected',
        ifNull(detection_result, '') = 'not_detected' AND detected_seconds IS NOT NULL, 'said_missed',
        NULL) AS disagreement
FROM
(
    SELECT
        t.*,
        catalogue.tactics AS tactics,
        ifNull(t.red_started_at, never) AS started_at,
        multiIf(
            NOT t.is_state_known, 'unknown_state',
            t.red_started_at IS NULL OR t.red_started_at > at, 'not_begun',
            t.technique_id IS NULL, 'no_technique',
            empty(t.hosts) AND empty(t.targets), 'no_machine',
            NULL) AS excluded_reason,
        seen.hits AS hits,
        seen.alerts AS alerts,
        seen.exact AS exact,
        seen.baseline AS baseline,
        seen.other_alerts AS other_alerts,
        seen.event_hours > 0 AS has_events,
        arrayMap(
            stage -> if(stage IS NULL OR excluded_reason IS NOT NULL, NULL,
                greatest(0, toUnixTimestamp64Milli(assumeNotNull(stage)) - toUnixTimestamp64Milli(started_at)) / 1000),
            [
                seen.first_hit_at,
                seen.first_ingested_at,
                seen.first_tagged_at,
                seen.first_alert_at,
                seen.first_acknowledged_at,
                t.blue_validated_at
            ]) AS seconds
    FROM test_selection(
        at_s = {at_s:Float64}, rounds = 'latest', from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
        platform = {platform:String}, team = {team:String}) AS t
    LEFT JOIN
    (
        WITH (pair.started_at, pair.is_exact, pair.test_id, pair.round) = winner AS is_mine
        SELECT
            pair.test_id AS of,
            pair.round AS of_round,
            countIf(is_mine AND kind = 'tag') AS hits,
            countIf(is_mine AND kind = 'alert') AS alerts,
            countIf(is_mine AND pair.is_exact) AS exact,
            countIf(NOT pair.is_within AND pair.is_met AND winner.1 = never) AS baseline,
            countIf(NOT is_mine AND pair.is_within AND kind = 'alert') AS other_alerts,
            countIf(kind = 'events' AND pair.is_within) AS event_hours,
            minOrNullIf(event_time, is_mine AND kind = 'tag') AS first_hit_at,
            minOrNullIf(ingest_time, is_mine AND kind = 'tag') AS first_ingested_at,
            minOrNullIf(tagged_time, is_mine AND kind = 'tag') AS first_tagged_at,
            minOrNullIf(raised_at, is_mine AND kind = 'alert') AS first_alert_at,
            minOrNull(if(is_mine AND kind = 'alert', acknowledged_at, NULL)) AS first_acknowledged_at
        FROM
        (
            -- Per signal: the tests around it on its machines, and the one that it goes to.
            SELECT
                kind,
                any(s.event_time) AS event_time,
                any(s.ingest_time) AS ingest_time,
                any(s.tagged_time) AS tagged_time,
                any(s.raised_at) AS raised_at,
                any(s.acknowledged_at) AS acknowledged_at,
                groupUniqArray(CAST(
                    (started_at, is_exact, test_id, round, is_met, s.until >= started_at - toIntervalSecond(60)),
                    'Tuple(started_at DateTime64(3, \'UTC\'), is_exact Bool, test_id String, round UInt32, is_met Bool,
                        is_within Bool)')) AS pairs,
                maxIf((started_at, is_exact, test_id, round),
                    is_met AND s.event_time >= started_at - toIntervalSecond(60)) AS winner
            FROM
            (
                SELECT
                    s.*,
                    r.started_at AS started_at,
                    r.test_id AS test_id,
                    r.round AS round,
                    has(s.technique_ids, r.technique_id) AS is_exact,
                    is_exact
                        OR has(s.technique_ids, substring(r.technique_id, 1, 5))
                        OR (position(r.technique_id, '.') = 0
                            AND arrayExists(id -> startsWith(id, r.technique_id), s.technique_ids)) AS is_met
                FROM
                (
                    SELECT
                        'tag' AS kind,
                        toString(tag_id) AS signal_id,
                        event_time,
                        event_time AS until,
                        ingest_time,
                        tagged_time,
                        never AS raised_at,
                        NULL AS acknowledged_at,
                        if(isIPv4String(name) OR isIPv6String(name) OR startsWith(name, '.'),
                            name, splitByChar('.', name)[1]) AS machine,
                        -- It tells of no other technique.
                        parent_id AS of_technique,
                        [if(sub_technique_id = '', parent_id, sub_technique_id)] AS technique_ids
                    FROM
                    (
                        SELECT tag_id, event_time, ingest_time, tagged_time, lowerUTF8(tags.host) AS name,
                            tags.technique_id AS parent_id, sub_technique_id
                        FROM tags
                        -- What comes before the first dot is told of a word in the dictionary, not of each row.
                        PREWHERE event_time <= at AND event_time >= signals_from AND event_time < signals_to
                            AND substringIndex(lowerUTF8(tags.host), '.', 1) IN (
                                SELECT substringIndex(machine, '.', 1)
                                FROM test_windows(
                                    at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
                                    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                                    platform = {platform:String}, team = {team:String}))
                            AND (substringIndex(lowerUTF8(tags.host), '.', 1), toDate(event_time), tags.technique_id) IN (
                                SELECT substringIndex(machine, '.', 1), day, technique_id
                                FROM test_windows(
                                    at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
                                    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                                    platform = {platform:String}, team = {team:String}))
                    )
                    WHERE name != ''
                    UNION ALL
                    SELECT
                        'alert' AS kind,
                        alert_id AS signal_id,
                        event_time,
                        event_time AS until,
                        never AS ingest_time,
                        never AS tagged_time,
                        raised_at,
                        acknowledged_at,
                        -- Names come in full and short; the short ones are compared.
                        arrayJoin(arrayFilter(
                            name -> position(name, '.') <= 1 OR isIPv4String(name) OR isIPv6String(name), hosts))
                            AS machine,
                        '' AS of_technique,
                        if(empty(c.technique_ids), mapped.technique_ids, c.technique_ids) AS technique_ids
                    FROM
                    (
                        SELECT *, toDate(event_time) AS date
                        FROM alerts_at(at_s = {at_s:Float64}, since_s = 0)
                        WHERE event_time >= signals_from AND event_time < signals_to
                            AND arrayExists(name -> name IN (
                                SELECT machine
                                FROM test_windows(
                                    at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
                                    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                                    platform = {platform:String}, team = {team:String})), hosts)
                            AND arrayExists(name -> (name, date) IN (
                                SELECT machine, day
                                FROM test_windows(
                                    at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
                                    exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                                    platform = {platform:String}, team = {team:String})), hosts)
                    ) AS c
                    LEFT JOIN alert_assets(at_s = {at_s:Float64}) AS alias ON alias.subject = c.subject
                    LEFT JOIN
                    (
                        SELECT of, groupUniqArray(technique_id) AS technique_ids
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
                    ) AS mapped ON mapped.of = if(startsWith(c.subject, '\0'), alias.asset_id, c.subject)
                    UNION ALL
                    SELECT
                        'events' AS kind,
                        concat(host, toString(hour)) AS signal_id,
                        first_seen AS event_time,
                        last_seen AS until,
                        never AS ingest_time,
                        never AS tagged_time,
                        never AS raised_at,
                        NULL AS acknowledged_at,
                        host AS machine,
                        '' AS of_technique,
                        [] AS technique_ids
                    FROM host_hours
                    WHERE first_seen <= at AND hour >= toStartOfHour(signals_from) AND hour < signals_to
                        AND (host, toDate(hour)) IN (
                            SELECT machine, day
                            FROM test_windows(
                                at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
                                exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
                                platform = {platform:String}, team = {team:String})
                            WHERE is_near)
                ) AS s
                INNER JOIN
                (
                    SELECT
                        *,
                        arrayJoin(machines) AS machine,
                        arrayJoin([substring(technique_id, 1, 5), '']) AS of_technique
                    FROM test_runs(
                        at_s = {at_s:Float64},
                        from_s = greatest({from_s:Float64} - 8 * 86400 - 120, 0),
                        to_s = {to_s:Float64} + 86400 + 120)
                ) AS r ON r.machine = s.machine AND r.of_technique = s.of_technique
                WHERE s.event_time >= r.started_at - toIntervalDay(7)
                    AND s.event_time <= r.started_at + toIntervalHour(24)
                    AND (is_met OR s.until >= r.started_at - toIntervalSecond(60))
            ) AS s
            GROUP BY kind, signal_id
        )
        ARRAY JOIN pairs AS pair
        GROUP BY pair.test_id, pair.round
    ) AS seen ON seen.of = if(t.is_state_known, t.test_id, '') AND seen.of_round = t.round
    LEFT JOIN (SELECT technique_id AS known_id, tactics FROM attack_catalogue) AS catalogue
        ON catalogue.known_id = ifNull(t.technique_id, '')
)
SETTINGS join_use_nulls = 0;
