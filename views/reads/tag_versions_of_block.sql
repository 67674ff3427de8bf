-- One row per record, rule and version of the tags that a block of records gave: how many there are, and
-- whether a retag has superseded them.
CREATE OR REPLACE VIEW tag_versions_of_block AS
SELECT offset, rule_id, rule_version, is_superseded, count() AS tags
FROM tags
WHERE log = {log:String}
    AND topic = {topic:String}
    AND partition = {partition:UInt32}
    AND offset >= {first:UInt64}
    AND offset <= {last:UInt64}
GROUP BY offset, rule_id, rule_version, is_superseded
ORDER BY offset;
