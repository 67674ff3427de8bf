-- Rows that correlations count say whose they are, so that erasures and replays find them.
-- changes: tables/rule_matches.sql
ALTER TABLE rule_matches ADD COLUMN IF NOT EXISTS identity_id String COMMENT 'Actor, where the producer knows it' CODEC(ZSTD(1)) AFTER source_id;
ALTER TABLE rule_matches COMMENT COLUMN ingest_time 'When the block was taken in, or replayed, UTC';
