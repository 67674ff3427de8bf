-- One row: the random id of this set of tables, made with them. A commit names the store its blocks went
-- to, so a restored, emptied or exchanged database is told from its own.
CREATE TABLE IF NOT EXISTS store
(
    id UUID COMMENT 'Random id of this set of tables',
    created_at DateTime64(3, 'UTC') COMMENT 'When the tables were made, UTC'
)
ENGINE = MergeTree
ORDER BY created_at
COMMENT 'The random id of this set of tables';

INSERT INTO store
SELECT generateUUIDv4() AS id, now64(3, 'UTC') AS created_at
WHERE (SELECT count() FROM store) = 0;
