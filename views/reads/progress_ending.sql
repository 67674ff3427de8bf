-- The finished block of a log that ends at a given offset; no row if that block is not finished.
CREATE OR REPLACE VIEW progress_ending AS
SELECT log, offset AS first, last_offset AS last, records, crc
FROM ingest_progress
WHERE log = {log:String}
  AND topic = {topic:String}
  AND partition = {partition:UInt32}
  AND last_offset = {last:UInt64}
LIMIT 1;
