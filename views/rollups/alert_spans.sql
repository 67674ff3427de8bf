-- One row per alert and span of time in which what is known of it stays the same; null is not known. In the order of their
-- ends: the last spans of all alerts lie together, by when they were raised, and of the others a question about a time
-- reads those that ended since. Made from alert_changes from time to time by alert_spans_refreshed. The last span of an
-- alert says how many changes it was made of, and their digest: what came since is told by comparing buckets. Its times
-- are read of every alert: two of them are not packed.
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
