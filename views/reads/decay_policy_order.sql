-- One row: every span of time of every active decay policy, in the order in which they are tried. The first
-- that holds at the time asked about and is_default, or whose platform, type of asset and tactic all match
-- ('' does), governs: so the most specific, then the newest, then the lowest id, then the default. The last
-- entry always holds.
CREATE OR REPLACE VIEW decay_policy_order AS
SELECT CAST(
    arrayPushBack(groupArray(span), (
        'default', '', '', '', true, toDateTime64(0, 3, 'UTC'), toDateTime64('2299-12-31 00:00:00', 3, 'UTC'),
        90., 180., 365., 180., 30., toUInt32(100), 0.30, 0.30, 0.25, 0.15)),
    'Array(Tuple(policy_id String, platform String, asset_type String, tactic String, is_default Bool,
        from_time DateTime64(3, \'UTC\'), to_time DateTime64(3, \'UTC\'), fresh_days Float64, aging_days Float64,
        stale_days Float64, validity_days Float64, silent_days Float64, noisy UInt32, weight_recency Float64,
        weight_coverage Float64, weight_health Float64, weight_diversity Float64))'
) AS policies
FROM
(
    SELECT (
        policy_id, applies_to_platform, applies_to_asset_type, applies_to_tactic, is_default,
        event_time, to_time, fresh_days, aging_days,
        stale_days, default_validity_days, silent_days, noisy_alerts_per_day, weight_recency,
        weight_coverage, weight_health, weight_diversity) AS span
    FROM
    (
        SELECT
            *,
            leadInFrame(event_time, 1, toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) OVER changes AS to_time,
            minIf(event_time, op = 'put') OVER (PARTITION BY policy_id) AS created_at
        FROM policy_events
        WINDOW changes AS (
            PARTITION BY policy_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
    WHERE op = 'put' AND is_active AND event_time < to_time
    ORDER BY
        is_default,
        (applies_to_platform != '') + (applies_to_asset_type != '') + (applies_to_tactic != '') DESC,
        created_at DESC,
        policy_id
);
