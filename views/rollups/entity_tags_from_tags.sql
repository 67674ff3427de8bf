-- Fills entity_tags from every insert into tags: one row per anchor that the tag has.
-- after: entity_tags
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
