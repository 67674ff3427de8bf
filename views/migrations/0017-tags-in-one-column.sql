-- What a list shows of a tag lies in one column. Tags that are there already are written in the background; until then
-- it is worked out when it is asked for.
-- changes: tables/tags.sql
ALTER TABLE tags ADD COLUMN IF NOT EXISTS listed String MATERIALIZED toJSONString((
        log, topic, partition, offset, toString(ingest_time), source_kind, source_id, toString(tagged_time), identity_id,
        attacker_id, session_id, host, user, decoy, tactic, tactics, technique_id, sub_technique_id, severity, rule_id,
        rule_version, rule_hash, evidence, attack_release, in_release, confidence))
    COMMENT 'What a list shows of the tag, as JSON' CODEC(ZSTD(1))
    AFTER retagged_time;

ALTER TABLE tags MATERIALIZE COLUMN listed;
