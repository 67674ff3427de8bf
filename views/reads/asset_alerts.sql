-- One row per detection asset that ever had an alert, as of at_s (epoch seconds): what is counted over all of its alerts.
-- false_positive_rate is null until an alert has a verdict.
-- inlines: alerts_at, alert_assets
CREATE OR REPLACE VIEW asset_alerts AS
WITH (SELECT (groupArray(subject), groupArray(asset_id)) FROM alert_assets(at_s = {at_s:Float64})) AS aliases
SELECT
    transform(subject, aliases.1, aliases.2) AS asset_id,
    max(raised_at) AS last_alert_at,
    sum(verdict = 'true_positive') AS true_positives,
    sum(verdict = 'false_positive') AS false_positives,
    if(true_positives + false_positives = 0, NULL, false_positives / (true_positives + false_positives))
        AS false_positive_rate
FROM alerts_at(at_s = {at_s:Float64}, since_s = 0)
GROUP BY asset_id
HAVING NOT startsWith(asset_id, '\0');
