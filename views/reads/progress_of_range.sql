-- One row per finished block of a log that touches a range of offsets: its range, and when it was taken in.
CREATE OR REPLACE VIEW progress_of_range AS
SELECT offset AS first, last_offset AS last, ingest_time
FROM ingest_progress
WHERE log = {log:String}
    AND topic = {topic:String}
    AND partition = {partition:UInt32}
    AND offset <= {last:UInt64}
    AND last_offset >= {first:UInt64}
ORDER BY offset;
