-- Tags can be superseded: a retag has put another version of their rule in their place. So far none is.
-- entity_tags is computed anew from tags, because it learns which row is which tag's.
-- changes: tables/tags.sql, rollups/tag_days.sql, rollups/tag_days_from_tags.sql, rollups/tag_months.sql
-- changes: rollups/tag_months_from_tags.sql, rollups/entity_tags.sql, rollups/entity_tags_from_tags.sql
ALTER TABLE tags
    ADD COLUMN IF NOT EXISTS is_superseded Bool DEFAULT false
        COMMENT 'A retag has put another version of the rule in its place',
    ADD COLUMN IF NOT EXISTS retagged_time DateTime64(3, 'UTC') DEFAULT toDateTime64(0, 3, 'UTC')
        COMMENT 'When a retag last said so, or took it back, UTC; 1970: none did';

ALTER TABLE tag_days
    ADD COLUMN IF NOT EXISTS is_superseded Bool COMMENT 'Tags that a retag has put another version of the rule in the place of',
    MODIFY ORDER BY (day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded);

ALTER TABLE tag_months
    ADD COLUMN IF NOT EXISTS is_superseded Bool COMMENT 'Tags that a retag has put another version of the rule in the place of',
    MODIFY ORDER BY (month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence, is_superseded);

ALTER TABLE entity_tags
    ADD COLUMN IF NOT EXISTS digest UInt64 COMMENT 'Hash of the tag and of its place in Kafka' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS is_superseded Bool COMMENT 'A retag has put another version of the rule in its place';

DROP VIEW IF EXISTS tag_days_from_tags SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS tag_days_from_tags TO tag_days AS
SELECT
    toDate(event_time) AS day,
    technique_id,
    sub_technique_id,
    tactic,
    tactics,
    rule_id,
    rule_version,
    confidence,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    is_superseded
FROM tags
GROUP BY day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded;

DROP VIEW IF EXISTS tag_months_from_tags SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS tag_months_from_tags TO tag_months AS
SELECT
    toStartOfMonth(event_time) AS month,
    technique_id,
    sub_technique_id,
    tactic,
    rule_id,
    rule_version,
    confidence,
    count() AS count,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    is_superseded
FROM tags
GROUP BY month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence, is_superseded;

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
    confidence,
    cityHash64(tag_id, log, topic, partition, offset) AS digest,
    is_superseded
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
    confidence,
    cityHash64(tag_id, log, topic, partition, offset) AS digest,
    is_superseded
FROM tags
ARRAY JOIN arrayFilter(
    anchor -> anchor.2 != '',
    [('identity', identity_id), ('attacker', attacker_id), ('session', session_id)]
) AS entity;
