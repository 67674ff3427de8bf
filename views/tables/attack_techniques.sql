-- One row per technique or sub-technique of the pinned ATT&CK release, revoked and deprecated ones too.
-- Filled anew when the release changes: the newest loaded_at of a technique counts (read attack_catalogue).
CREATE TABLE IF NOT EXISTS attack_techniques
(
    technique_id LowCardinality(String) COMMENT 'Tnnnn or Tnnnn.nnn',
    parent_id LowCardinality(String) COMMENT 'Tnnnn; of a technique that is no sub-technique its own id',
    is_sub_technique Bool COMMENT 'Whether it is a sub-technique',
    name String COMMENT 'Name in the release',
    tactics Array(LowCardinality(String)) COMMENT 'ATT&CK tactic ids in catalogue order',
    platforms Array(LowCardinality(String)) COMMENT 'Platforms it applies to',
    domain LowCardinality(String) COMMENT 'enterprise-attack or ics-attack',
    is_active Bool COMMENT 'Neither revoked nor deprecated',
    revoked_by LowCardinality(String) COMMENT 'Technique that took its place, empty if none',
    stix_id String COMMENT 'MITRE''s own attack-pattern id',
    group_count UInt32 COMMENT 'Groups that ATT&CK reports to use exactly this technique',
    release LowCardinality(String) COMMENT 'ATT&CK release',
    loaded_at DateTime64(3, 'UTC') COMMENT 'When the release was loaded, UTC'
)
ENGINE = MergeTree
ORDER BY (technique_id, loaded_at)
COMMENT 'Techniques of the pinned ATT&CK release, and of those before';
