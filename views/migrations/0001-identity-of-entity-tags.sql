-- entity_tags learns which identity a tag names itself, so that a tag is counted once where an attacker
-- belongs to an identity too. What is there is computed anew from tags.
-- changes: rollups/entity_tags.sql, rollups/entity_tags_from_tags.sql
ALTER TABLE entity_tags
    ADD COLUMN IF NOT EXISTS identity_id String COMMENT 'Identity that the tag itself names, empty if none' CODEC(ZSTD(1))
    AFTER event_time;

DROP VIEW IF EXISTS entity_tags_from_tags SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS entity_tags_from_tags TO entity_tags AS
SELECT
    entity.1 AS entity_kind,
    entity.2 AS entity_id,
    event_time,
    identity_id,
    technique_id,
    sub_technique_id,
    tactic,
    confidence
FROM tags
ARRAY JOIN arrayFilter(
    anchor -> anchor.2 != '',
    [('identity', identity_id), ('attacker', attacker_id), ('session', session_id)]
) AS entity;

TRUNCATE TABLE entity_tags SYNC;

INSERT INTO entity_tags
SELECT
    entity.1 AS entity_kind,
    entity.2 AS entity_id,
    event_time,
    identity_id,
    technique_id,
    sub_technique_id,
    tactic,
    confidence
FROM tags
ARRAY JOIN arrayFilter(
    anchor -> anchor.2 != '',
    [('identity', identity_id), ('attacker', attacker_id), ('session', session_id)]
) AS entity;
