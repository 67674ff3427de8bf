-- One row per decay policy and span of time [from_time, to_time) in which it had these values. Two are built
-- in, from 1970 on: default and strict-initial-access; a record of the catalogue under either id takes its
-- place. '' applies to any. weights are shares of 1.
CREATE OR REPLACE VIEW decay_policy_versions AS
SELECT * EXCEPT (op, version)
FROM
(
    SELECT
        p.*,
        leadInFrame(from_time, 1, toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) OVER changes AS to_time,
        min(from_time) OVER (PARTITION BY policy_id) AS created_at
    FROM
    (
        SELECT
            policy_id,
            op,
            version,
            event_time AS from_time,
            name,
            description,
            applies_to_platform,
            applies_to_asset_type,
            applies_to_tactic,
            fresh_days,
            aging_days,
            stale_days,
            default_validity_days,
            silent_days,
            noisy_alerts_per_day,
            weight_recency,
            weight_coverage,
            weight_health,
            weight_diversity,
            is_default,
            is_active
        FROM policy_events
        UNION ALL
        SELECT * FROM values(
            'policy_id String, op String, version UInt256, from_time DateTime64(3, \'UTC\'), name String,
            description String, applies_to_platform String, applies_to_asset_type String, applies_to_tactic String,
            fresh_days Float64, aging_days Float64, stale_days Float64, default_validity_days Float64,
            silent_days Float64, noisy_alerts_per_day UInt32, weight_recency Float64, weight_coverage Float64,
            weight_health Float64, weight_diversity Float64, is_default Bool, is_active Bool',
            ('default', 'put', 0, 0, 'Default', 'Built in', '', '', '',
                90, 180, 365, 180, 30, 100, 0.30, 0.30, 0.25, 0.15, true, true),
            ('strict-initial-access', 'put', 0, 0, 'Strict for initial access', 'Built in', '', '', 'TA0001',
                45, 90, 182, 90, 15, 100, 0.30, 0.30, 0.25, 0.15, false, true))
    ) AS p
    WINDOW changes AS (
        PARTITION BY policy_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE op = 'put' AND from_time < to_time;
