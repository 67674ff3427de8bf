-- Fills entity_tags from every insert into tags: one row per anchor that the tag has.
-- after: entity_tags
CREATE MATERIALIZED VIEW IF NOT EXISTS entity_tags_from_tags TO entity_tags AS
SELECT
    entity.1 AS entity_kind,
    entity.2 AS entity_id,
    log,
    topic,
    partition,
    offset,
    ingest_time,
    tag_id,
    source_kind,
    source_id,
    event_time,
    tagged_time,
    identity_id,
    attacker_id,
    session_id,
    host,
    user,
    decoy,
    tactic,
    tactics,
    technique_id,
    sub_technique_id,
    confidence,
    severity,
    rule_id,
    rule_version,
    rule_hash,
    evidence,
    attack_release,
    in_release,
    is_superseded,
    retagged_time
FROM tags
ARRAY JOIN arrayFilter(
    anchor -> anchor.2 != '',
    [('identity', identity_id), ('attacker', attacker_id), ('session', session_id)]
) AS entity;
