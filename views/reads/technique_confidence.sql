-- One row per active ATT&CK technique as of at_s (epoch seconds): how sure we are to detect it. score is 0 to
-- 100, the policy's weights times four factors of 0 to 1:
--   recency    1 to fresh, linear to 0.5 at aging, to 0 at stale, by the newest success nothing has voided
--   coverage   the best valid detection: its mapping (high 1, medium 2/3, low 1/3) times its result (1, 1/2)
--   health     the best validly validated asset: healthy 1, noisy 1/2, untested 1/4, silent 0
--   diversity  kinds of asset and log source among valid detections, three are enough
-- level is unknown without detections. detection_rate and its one-sided 90 % Wilson lower bound are over
-- validated tests, a test of age a weighing 2^(-a / aging_days); null without tests.
-- status: validated, partial (partly detected, or valid through a sub-technique only), none.
-- after: detection_state, asset_status, attack_catalogue, decay_policy_order
CREATE OR REPLACE VIEW technique_confidence AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    toDateTime64(0, 3, 'UTC') AS never,
    (SELECT policies FROM decay_policy_order) AS policies
SELECT
    technique_id,
    name,
    parent_id,
    is_sub_technique,
    tactics,
    platforms,
    domain,
    multiIf(best = 2, 'validated', best = 1 OR best_of_subs > 0, 'partial', 'none') AS status,
    detection_count,
    valid_detection_count,
    nullIf(last_validated, never) AS last_validated_at,
    next_due AS next_validation_due,
    recency,
    coverage,
    health,
    health_mean,
    diversity,
    map(
        'recency', 100 * policy.weight_recency * recency,
        'coverage', 100 * policy.weight_coverage * coverage,
        'health', 100 * policy.weight_health * health,
        'diversity', 100 * policy.weight_diversity * diversity) AS score_breakdown,
    arraySum(mapValues(score_breakdown)) AS score,
    multiIf(
        detection_count = 0, 'unknown', score < 25, 'very_low', score < 50, 'low', score < 75, 'medium', 'high') AS level,
    arrayFilter(factor -> factor != '', [
        if(valid_detection_count = 0, 'no_valid_detection', ''),
        if(valid_detection_count = 1, 'single_detection', ''),
        if(is_silent, 'silent', ''),
        if(is_noisy, 'noisy', ''),
        if(valid_detection_count > 0 AND first_expiry <= at + toIntervalDay(30), 'expiring_soon', ''),
        if(last_validated > never AND recency = 0, 'stale', ''),
        if(last_validated > never AND last_result = 0, 'failed_last_test', ''),
        if(is_rule_changed, 'rule_changed', '')
    ]) AS risk_factors,
    test_count,
    if(test_count = 0, NULL, rate) AS detection_rate,
    -- z = 1.2816: (p + z²/2n - z √(p (1 - p) / n + z²/4n²)) / (1 + z²/n)
    if(test_count = 0, NULL, greatest(0,
        (rate + 0.82124928 / n_eff - 1.2816 * sqrt(rate * (1 - rate) / n_eff + 0.41062464 / (n_eff * n_eff)))
            / (1 + 1.64249856 / n_eff))) AS detection_rate_lower_bound,
    policy.policy_id AS policy_id,
    at AS last_recalculated_at
FROM
(
    SELECT
        *,
        length(results) AS test_count,
        arrayMap(r -> exp2(-(toUnixTimestamp64Milli(at) - toUnixTimestamp64Milli(r.1)) / 86400000 / policy.aging_days),
            results) AS weights,
        arraySum((w, r) -> w * r.2, weights, results) / arraySum(weights) AS rate,
        pow(arraySum(weights), 2) / arraySum(w -> w * w, weights) AS n_eff
    FROM
    (
    SELECT
        c.technique_id AS technique_id,
        c.name AS name,
        c.parent_id AS parent_id,
        c.is_sub_technique AS is_sub_technique,
        c.tactics AS tactics,
        c.platforms AS platforms,
        c.domain AS domain,
        arrayFirst(
            p -> p.from_time <= at AND at < p.to_time
                AND (p.is_default OR (p.platform = '' AND p.asset_type = '' AND (p.tactic = '' OR has(c.tactics, p.tactic)))),
            policies) AS policy,
        d.detection_count AS detection_count,
        d.valid_detection_count AS valid_detection_count,
        d.best AS best,
        max(if(c.is_sub_technique, d.best, 0)) OVER (PARTITION BY c.parent_id) AS best_in_family,
        if(c.is_sub_technique, 0, best_in_family) AS best_of_subs,
        d.last_validated AS last_validated,
        d.last_result AS last_result,
        d.next_due AS next_due,
        d.first_expiry AS first_expiry,
        d.recency AS recency,
        d.coverage AS coverage,
        d.health AS health,
        d.health_mean AS health_mean,
        d.diversity AS diversity,
        d.is_silent AS is_silent,
        d.is_noisy AS is_noisy,
        d.is_rule_changed AS is_rule_changed,
        tests.results AS results
    FROM attack_catalogue AS c
    LEFT JOIN
    (
        SELECT
            technique_id,
            count() AS detection_count,
            countIf(is_success) AS valid_detection_count,
            maxIf(result, is_success) AS best,
            max(last_validated_at) AS last_validated,
            argMax(l.last_result, (l.last_validated_at, l.last_version)) AS last_result,
            minOrNullIf(least(expires_at, validated_at + toIntervalMillisecond(toInt64(86400000 * policy.fresh_days))),
                is_success) AS next_due,
            minIf(expires_at, is_success) AS first_expiry,
            max(recency_factor) AS recency,
            maxIf(transform(confidence_level, ['high', 'medium'], [1, 2 / 3], 1 / 3) * l.result / 2, is_success) AS coverage,
            maxIf(health_factor, validation_id != '') AS health,
            avg(health_factor) AS health_mean,
            least(1, uniqExactIf((asset_type, log_source_name), is_success) / 3) AS diversity,
            max(health_status = 'silent') AS is_silent,
            max(health_status = 'noisy') AS is_noisy,
            max(l.is_rule_changed) AS is_rule_changed
        FROM
        (
            SELECT
                *,
                validation_id != '' AND result > 0 AS is_success,
                transform(health_status, ['healthy', 'noisy', 'untested'], [1, 0.5, 0.25], 0.) AS health_factor,
                (toUnixTimestamp64Milli(at) - toUnixTimestamp64Milli(success_at)) / 86400000 AS age_days,
                multiIf(
                    success_at = never, 0,
                    age_days <= policy.fresh_days, 1,
                    age_days <= policy.aging_days,
                        1 - 0.5 * (age_days - policy.fresh_days) / (policy.aging_days - policy.fresh_days),
                    age_days <= policy.stale_days,
                        0.5 * (policy.stale_days - age_days) / (policy.stale_days - policy.aging_days),
                    0) AS recency_factor
            FROM
            (
                SELECT
                    s.*,
                    health.health_status AS health_status,
                    arrayFirst(
                        p -> p.from_time <= at AND at < p.to_time
                            AND (p.is_default OR (
                                p.platform IN ('', s.platform)
                                AND p.asset_type IN ('', lowerUTF8(s.asset_type))
                                AND (p.tactic = '' OR has(known.tactics, p.tactic)))),
                        policies) AS policy
                FROM detection_state(at_s = {at_s:Float64}) AS s
                LEFT JOIN (SELECT asset_id AS of, health_status FROM asset_status(at_s = {at_s:Float64})) AS health
                    ON health.of = s.asset_id
                LEFT JOIN (SELECT technique_id AS of, tactics FROM attack_catalogue) AS known ON known.of = s.technique_id
                WHERE s.is_counted
            )
        ) AS l
        GROUP BY technique_id
    ) AS d ON d.technique_id = c.technique_id
    LEFT JOIN
    (
        SELECT
            technique_id,
            groupArray((
                ifNull(red_started_at, created_at),
                transform(detection_result, ['detected', 'partially_detected'], [1, 0.5], 0.))) AS results
        FROM test_spans FINAL
        WHERE from_time <= at
            AND to_time > at
            AND latest_until > at
            AND is_begun
            AND state = 'validated'
            AND technique_id != ''
            AND detection_result IN ('detected', 'partially_detected', 'not_detected')
        GROUP BY technique_id
    ) AS tests ON tests.technique_id = c.technique_id
    WHERE c.is_active
    )
)
SETTINGS join_use_nulls = 0;
