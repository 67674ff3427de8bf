-- One row per alert of those in ids that has been recorded.
CREATE OR REPLACE VIEW alerts_known AS
SELECT DISTINCT alert_id
FROM alert_events
WHERE alert_id IN {ids:Array(String)};
