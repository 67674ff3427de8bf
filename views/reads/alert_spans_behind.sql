-- One row per span of the alerts that alert_spans is behind with, as alert_spans has them.
-- after: alert_spans_folded, alert_buckets_behind
CREATE OR REPLACE VIEW alert_spans_behind AS
SELECT alert_id, event_time, raised_at, from_time, to_time, subject, technique_ids, hosts, acknowledged_at, verdict
FROM alert_spans_folded
WHERE bucket IN (SELECT bucket FROM alert_buckets_behind);
