-- Makes alert_spans anew every half hour.
-- after: alert_spans_folded
CREATE MATERIALIZED VIEW IF NOT EXISTS alert_spans_refreshed REFRESH EVERY 30 MINUTE TO alert_spans AS
SELECT *
FROM alert_spans_folded
SETTINGS max_threads = 1;
