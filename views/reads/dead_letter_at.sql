-- The dead letters that stand for one Kafka position, newest first: several where one record has several
-- faults, or where a topic was made anew.
CREATE OR REPLACE VIEW dead_letter_at AS
SELECT
    topic,
    partition,
    offset,
    last_offset,
    log,
    ingest_time,
    record_time,
    records,
    code,
    reason,
    value_sha256,
    value_bytes,
    head,
    toBool(records = 1 AND offset = last_offset AND value_sha256 != '' AND NOT startsWith(code, 'batch-'))
        AS replayable
FROM dead_letters
WHERE topic = {topic:String}
    AND partition = {partition:UInt32}
    AND offset <= {position:UInt64}
    AND last_offset >= {position:UInt64}
ORDER BY ingest_time DESC, offset
LIMIT 100;
