-- One row per partition that blocks were read from: what became of its records. missing counts offsets
-- that hold no record. adds_up: every offset from the first to the last is in exactly one block, and every
-- record became an event, a dead letter or a deletion.
CREATE OR REPLACE VIEW ingest_health AS
SELECT
    topic,
    partition,
    sum(blocks) AS blocks,
    sum(l.records) AS records,
    sum(l.events) AS events,
    sum(l.dead_letters) AS dead_letters,
    sum(l.deletions) AS deletions,
    sum(toInt64(l.records) - l.events - l.dead_letters - l.deletions) AS missing,
    sum(l.tags) AS tags,
    sumMap(l.dropped) AS dropped,
    argMax(l.log, l.last_block_time) AS log,
    argMax(l.last_offset, l.last_block_time) AS last_offset,
    argMax(l.revision, l.last_block_time) AS revision,
    max(l.last_block_time) AS last_block_time,
    toBool(min(
        l.is_gapless AND l.records = l.covered
        AND l.events + l.dead_letters + l.deletions <= l.records)) AS adds_up
FROM
(
    SELECT
        topic,
        partition,
        log,
        count() AS blocks,
        sum(p.records) AS records,
        sum(p.events) AS events,
        sum(p.dead_letters) AS dead_letters,
        sum(p.deletions) AS deletions,
        sum(p.tags) AS tags,
        sumMap(JSONExtract(p.dropped, 'Map(String, UInt64)')) AS dropped,
        sum(p.last_offset - offset + 1) AS covered,
        -- Each block begins where another ended, but for the first: a gap that an overlap makes up for in the
        -- sums is found too. Hashes, so that a year of blocks takes no memory.
        sum(sipHash64(offset)) - sipHash64(min(offset))
            = sum(sipHash64(p.last_offset + 1)) - sipHash64(max(p.last_offset) + 1) AS is_gapless,
        max(p.last_offset) AS last_offset,
        argMax(p.revision, p.last_offset) AS revision,
        max(ingest_time) AS last_block_time
    FROM ingest_progress AS p
    GROUP BY topic, partition, log
) AS l
GROUP BY topic, partition;
