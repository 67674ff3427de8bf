-- One row per detection asset as of at_s (epoch seconds): whether it works, as asset_status has it, and what is
-- counted over all of its alerts. false_positive_rate is null until an alert has a verdict.
-- after: asset_status, alerts_at, alert_assets
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
        if(startsWith(c.subject, '\0'), alias.asset_id, c.subject) AS asset_id,
        max(c.last_at) AS last_alert_at,
        sum(c.true_positives) AS true_positives,
        sum(c.false_positives) AS false_positives
    FROM
    (
        SELECT
            subject,
            max(raised_at) AS last_at,
            countIf(verdict = 'true_positive') AS true_positives,
            countIf(verdict = 'false_positive') AS false_positives
        FROM alerts_at(at_s = {at_s:Float64}, since_s = 0)
        GROUP BY subject
    ) AS c
    LEFT JOIN alert_assets(at_s = {at_s:Float64}) AS alias ON alias.subject = c.subject
    GROUP BY asset_id
) AS n ON n.asset_id = s.asset_id
SETTINGS join_use_nulls = 0;
