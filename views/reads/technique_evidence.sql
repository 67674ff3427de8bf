-- One row per active ATT&CK technique as of at_s (epoch seconds): all that confidence in it rests on but whether its
-- assets work, which asset_status has. technique_confidence puts the two together; the API asks them side by side.
-- score_breakdown has three of four factors of 0 to 1, each with 100 times its weight in the policy:
--   recency    1 to fresh, linear to 0.5 at aging, to 0 at stale, by the newest success nothing has voided
--   coverage   the best valid detection: its mapping (high 1, medium 2/3, low 1/3) times its result (1, 1/2)
--   diversity  kinds of asset and log source among valid detections, three are enough
-- health_weight is that of the fourth. assets: those that count, each with whether a validation of it is valid.
-- possible_risks: the risk factors, and silent and noisy, which hold if one of assets is.
-- detection_rate and its one-sided 90 % Wilson lower bound are over validated tests, a test of age a weighing
-- 2^(-a / aging_days); null without tests.
-- status: validated, partial (partly detected, or valid through a sub-technique only), none.
-- One thread: planning takes longer than the rows, and asset_status, asked beside it, has use for the other.
-- after: detection_state, attack_catalogue, decay_policy_order
CREATE OR REPLACE VIEW technique_evidence AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    toDateTime64(0, 3, 'UTC') AS never,
    (SELECT policies FROM decay_policy_order) AS policies,
    (SELECT mapFromArrays(groupArray(technique_id), groupArray(tactics)) FROM attack_catalogue) AS tactics_of
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
    diversity,
    map(
        'recency', 100 * policy.weight_recency * recency,
        'coverage', 100 * policy.weight_coverage * coverage,
        'diversity', 100 * policy.weight_diversity * diversity) AS score_breakdown,
    100 * policy.weight_health AS health_weight,
    assets,
    arrayFilter(factor -> factor != '', [
        if(valid_detection_count = 0, 'no_valid_detection', ''),
        if(valid_detection_count = 1, 'single_detection', ''),
        'silent',
        'noisy',
        if(valid_detection_count > 0 AND first_expiry <= at + toIntervalDay(30), 'expiring_soon', ''),
        if(last_validated > never AND recency = 0, 'stale', ''),
        if(last_validated > never AND last_result = 0, 'failed_last_test', ''),
        if(is_rule_changed, 'rule_changed', '')
    ]) AS possible_risks,
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
        arrayMap(time -> exp2(-(toUnixTimestamp64Milli(at) - time) / 86400000 / policy.aging_days), times) AS weights,
        arraySum((weight, result) -> weight * result, weights, results) / arraySum(weights) AS rate,
        pow(arraySum(weights), 2) / arraySum(weight -> weight * weight, weights) AS n_eff
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
        d.diversity AS diversity,
        d.assets AS assets,
        d.is_rule_changed AS is_rule_changed,
        tests.times AS times,
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
            groupArray((l.asset_id, validation_id != '')) AS assets,
            least(1, uniqExactIf((asset_type, log_source_name), is_success) / 3) AS diversity,
            max(l.is_rule_changed) AS is_rule_changed
        FROM
        (
            SELECT
                *,
                validation_id != '' AND result > 0 AS is_success,
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
                    arrayFirst(
                        p -> p.from_time <= at AND at < p.to_time
                            AND (p.is_default OR (
                                p.platform IN ('', s.platform)
                                AND p.asset_type IN ('', lowerUTF8(s.asset_type))
                                AND (p.tactic = '' OR has(tactics_of[s.technique_id], p.tactic)))),
                        policies) AS policy
                FROM detection_state(at_s = {at_s:Float64}) AS s
                WHERE s.is_counted
            )
        ) AS l
        GROUP BY technique_id
    ) AS d ON d.technique_id = c.technique_id
    LEFT JOIN
    (
        SELECT
            technique_id,
            groupArray(toUnixTimestamp64Milli(ifNull(red_started_at, created_at))) AS times,
            groupArray(transform(detection_result, ['detected', 'partially_detected'], [1, 0.5], 0.)) AS results
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
SETTINGS join_use_nulls = 0, max_threads = 1;
