-- One row per Kafka partition that was read from: what became of its records.
-- after: ingest_health
CREATE OR REPLACE VIEW v1_ingest_health
(
    topic String COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    blocks UInt64 COMMENT 'Blocks of records written',
    records UInt64 COMMENT 'Kafka offsets read: events + dead_letters + deletions + missing',
    events UInt64 COMMENT 'Records that became events',
    dead_letters UInt64 COMMENT 'Records that became dead letters',
    deletions UInt64 COMMENT 'Records without a value',
    missing Int64 COMMENT 'Offsets that hold no record, such as the marks of a transaction',
    tags UInt64 COMMENT 'Tags written',
    last_offset UInt64 COMMENT 'Last Kafka offset that is in the tables',
    last_block_time DateTime64(3, 'UTC') COMMENT 'When the latest block was taken in, UTC',
    adds_up Bool COMMENT 'Every offset is in exactly one block and every record is accounted for'
) AS
SELECT
    topic, partition, blocks, records, events, dead_letters, deletions, missing, tags, last_offset,
    last_block_time, adds_up
FROM ingest_health
COMMENT 'What became of the records of each Kafka partition';
