-- One row per validation: from when to when nothing but its end speaks against it, and in
-- which times the rule was another one. Made by validation_spans_folded with every block of the catalogue that
-- bears on it, for all assets that it bears on; of several rows the one of the latest generation counts: FINAL.
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
SETTINGS min_age_to_force_merge_seconds = 600
COMMENT 'Validations, with the spans of time in which nothing speaks against them';
