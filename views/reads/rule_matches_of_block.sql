-- One row per row of rule_matches that a block of records gave: what a recovered block writes again.
CREATE OR REPLACE VIEW rule_matches_of_block AS
SELECT *
FROM rule_matches
WHERE log = {log:String}
  AND topic = {topic:String}
  AND partition = {partition:UInt32}
  AND offset >= {first:UInt64}
  AND offset <= {last:UInt64}
ORDER BY offset;
