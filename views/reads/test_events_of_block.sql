-- One row per row of test_events that a block of records gave: what a recovered block writes again.
CREATE OR REPLACE VIEW test_events_of_block AS
SELECT *
FROM test_events
WHERE log = {log:String}
  AND topic = {topic:String}
  AND partition = {partition:UInt32}
  AND offset >= {first:UInt64}
  AND offset <= {last:UInt64}
ORDER BY offset;
