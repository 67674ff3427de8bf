-- One row per row of tags that a block of records gave: what a recovered block writes again. Superseded
-- tags count: they are held, in whatever version.
CREATE OR REPLACE VIEW tags_of_block AS
SELECT *
FROM tags
WHERE log = {log:String}
  AND topic = {topic:String}
  AND partition = {partition:UInt32}
  AND offset >= {first:UInt64}
  AND offset <= {last:UInt64}
ORDER BY offset;
