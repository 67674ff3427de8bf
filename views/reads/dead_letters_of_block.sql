-- One row per row of dead_letters that a block of records gave: what a recovered block writes again.
CREATE OR REPLACE VIEW dead_letters_of_block AS
SELECT *
FROM dead_letters
WHERE log = {log:String}
  AND topic = {topic:String}
  AND partition = {partition:UInt32}
  AND offset >= {first:UInt64}
  AND offset <= {last:UInt64}
ORDER BY offset;
