-- alert_spans is in the order of the ends of spans. It is made anew of alert_changes; alerts that it is behind with are put
-- together in alerts_at.
-- changes: rollups/alert_spans.sql
DROP VIEW IF EXISTS alert_spans_behind;

DROP VIEW IF EXISTS alert_spans_refreshed SYNC;

DROP TABLE IF EXISTS alert_spans SYNC;

CREATE TABLE IF NOT EXISTS alert_spans
(
    bucket UInt16 COMMENT 'Of the alert: by its id',
    alert_id String COMMENT 'Alert, with the system it comes from' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the alerted activity happened, UTC' CODEC(Delta, LZ4),
    raised_at DateTime64(3, 'UTC') COMMENT 'When the system raised it, UTC' CODEC(NONE),
    from_time DateTime64(3, 'UTC') COMMENT 'Start of the span, UTC' CODEC(NONE),
    to_time DateTime64(3, 'UTC') COMMENT 'End of the span, not in it, UTC; 2299-12-31: the last' CODEC(LZ4),
    subject LowCardinality(String) COMMENT 'Detection asset that the producer names, or \\0system\\0id of the rule',
    technique_ids Array(LowCardinality(String)) COMMENT 'ATT&CK techniques that the alert names',
    hosts Array(LowCardinality(String)) COMMENT 'Machines, lower case, full and short names',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody took it, UTC' CODEC(ZSTD(1)),
    verdict LowCardinality(String) COMMENT 'true_positive, false_positive, benign or undetermined, or empty',
    changes UInt32 COMMENT 'Changes of the alert, in its last span; else 0',
    digest UInt64 COMMENT 'Sum of their digests, in the last span; else 0' CODEC(NONE),
    PROJECTION of_bucket (SELECT bucket, sum(changes), sum(digest) GROUP BY bucket)
)
ENGINE = MergeTree
ORDER BY (to_time, raised_at)
COMMENT 'Alerts, span by span';

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_spans_refreshed REFRESH EVERY 30 MINUTE TO alert_spans AS
SELECT *
FROM alert_spans_folded
SETTINGS max_threads = 1;
