-- One row per row of commands that a block of records gave: what a recovered block writes again.
CREATE OR REPLACE VIEW commands_of_block AS
SELECT *
FROM commands
WHERE log = {log:String}
  AND topic = {topic:String}
  AND partition = {partition:UInt32}
  AND offset >= {first:UInt64}
  AND offset <= {last:UInt64}
ORDER BY offset;
