-- One row per detection asset as of at_s (epoch seconds): whether it works, as asset_status has it, and what is
-- counted over all of its alerts. false_positive_rate is null until an alert has a verdict.
-- after: asset_status, alert_state
CREATE OR REPLACE VIEW asset_health AS
SELECT
    s.*,
    nullIf(n.last_alert_at, toDateTime64(0, 3, 'UTC')) AS last_alert_at,
    n.true_positives AS true_positives,
    n.false_positives AS false_positives,
    if(n.true_positives + n.false_positives = 0, NULL, n.false_positives / (n.true_positives + n.false_positives))
        AS false_positive_rate
FROM asset_status(at_s = {at_s:Float64}) AS s
LEFT JOIN
(
    SELECT
        asset_id,
        max(raised_at) AS last_alert_at,
        countIf(verdict = 'true_positive') AS true_positives,
        countIf(verdict = 'false_positive') AS false_positives
    FROM alert_state(at_s = {at_s:Float64})
    WHERE asset_id != ''
    GROUP BY asset_id
) AS n ON n.asset_id = s.asset_id
SETTINGS join_use_nulls = 0;
