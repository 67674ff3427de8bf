-- One row per record, or range of records, that could not become an event. What the record held is not here:
-- `ttpstream dead-letters show` has it. Rows are kept for 90 days.
CREATE OR REPLACE VIEW v1_dead_letters
(
    ingest_time DateTime64(3, 'UTC') COMMENT 'When it was refused, UTC',
    record_time DateTime64(3, 'UTC') COMMENT 'Kafka timestamp of the record, UTC',
    topic String COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    offset UInt64 COMMENT 'Kafka offset, of a range the first',
    last_offset UInt64 COMMENT 'Kafka offset, of a range the last',
    records UInt64 COMMENT 'Records that the row stands for',
    code String COMMENT 'Stable code of the reason',
    reason String COMMENT 'The reason in words',
    value_bytes UInt64 COMMENT 'Size of the record, bytes'
) AS
SELECT ingest_time, record_time, topic, partition, offset, last_offset, records, code, reason, value_bytes
FROM dead_letters
COMMENT 'Records that could not become events, with the reason';
