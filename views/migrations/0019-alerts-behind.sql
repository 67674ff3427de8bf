-- Alerts that alert_spans is behind with are put together in alerts_at.
DROP VIEW IF EXISTS alert_spans_behind;
