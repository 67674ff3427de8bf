-- One row per span of the alerts that alert_spans is behind with, as alert_spans has them. A view without
-- parameters: its columns are known, where those of alert_spans_folded are worked out again by each view around it.
-- after: alert_spans_folded
CREATE OR REPLACE VIEW alert_spans_behind AS
SELECT alert_id, event_time, raised_at, from_time, to_time, asset_id, rule_system, rule_id, technique_ids, hosts,
    acknowledged_at, verdict
FROM alert_spans_folded(is_behind = true);
