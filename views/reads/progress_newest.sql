-- The newest finished block of a partition, of whatever log; no row if nothing was ever finished.
CREATE OR REPLACE VIEW progress_newest AS
SELECT log, offset AS first, last_offset AS last, records, crc
FROM ingest_progress
WHERE topic = {topic:String}
  AND partition = {partition:UInt32}
ORDER BY ingest_time DESC, last_offset DESC
LIMIT 1;
