-- One row per dead letter taken in from from_s to before to_s (epoch seconds), newest first; '' is any
-- code, any topic. replayable: it stands for one record that is no row yet and that was read whole.
CREATE OR REPLACE VIEW dead_letter_list AS
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
WHERE ingest_time >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND ingest_time < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND ({topic:String} = '' OR topic = {topic:String})
    AND ({code:String} = '' OR code = {code:String})
ORDER BY ingest_time DESC, topic, partition, offset DESC
LIMIT {limit_rows:UInt64};
