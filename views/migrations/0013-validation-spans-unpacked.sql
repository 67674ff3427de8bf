-- Each question about detections reads all validations: their times and ranks need not be unpacked.
-- changes: rollups/validation_spans.sql
CREATE TABLE IF NOT EXISTS validation_spans
(
    validation_id String COMMENT 'Validation' CODEC(LZ4),
    asset_id LowCardinality(String) COMMENT 'Detection asset' CODEC(LZ4),
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique; empty: every technique the asset is mapped to',
    validated_at DateTime64(3, 'UTC') COMMENT 'When it was seen, UTC' CODEC(NONE),
    expires_at DateTime64(3, 'UTC') COMMENT 'When it stops being valid, by itself or by the policy that governs, UTC' CODEC(NONE),
    outcome UInt8 COMMENT '2 detected, 1 partially, 0 not',
    rank UInt256 COMMENT 'Order by time seen, then by version' CODEC(NONE),
    unchanged_from Array(DateTime64(3, 'UTC')) COMMENT 'Starts of the spans without a cause but expiry, UTC',
    unchanged_to Array(DateTime64(3, 'UTC')) COMMENT 'Their ends, not in them, UTC; 2299-12-31: none',
    changed_from Array(DateTime64(3, 'UTC')) COMMENT 'Starts of the spans in which the rule is another one, UTC',
    changed_to Array(DateTime64(3, 'UTC')) COMMENT 'Their ends, not in them, UTC; 2299-12-31: none',
    generation UInt64 COMMENT 'Nanoseconds since 1970 when this row was worked out, more than any before'
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY validation_id
COMMENT 'Validations, with the spans of time in which nothing speaks against them';

ALTER TABLE validation_spans
    MODIFY COLUMN validation_id CODEC(LZ4),
    MODIFY COLUMN asset_id LowCardinality(String) CODEC(LZ4),
    MODIFY COLUMN validated_at CODEC(NONE),
    MODIFY COLUMN expires_at CODEC(NONE),
    MODIFY COLUMN rank CODEC(NONE);
