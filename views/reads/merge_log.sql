-- One row per change of a merge that the catalog has accepted of one partition, in the order of the log: what
-- later merges are judged against.
CREATE OR REPLACE VIEW merge_log AS
SELECT *
FROM catalog_events
WHERE kind = 'merge' AND topic = {topic:String} AND partition = {partition:UInt32}
ORDER BY log, offset;
