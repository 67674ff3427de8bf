-- One row per technique and sub-technique of the ATT&CK release in use, revoked and deprecated ones too: the
-- dimension that attack_id and technique_id of the other views join.
CREATE OR REPLACE VIEW v1_techniques
(
    technique_id String COMMENT 'Tnnnn or Tnnnn.nnn: what other views join',
    name String COMMENT 'Name in the release',
    is_sub_technique Bool COMMENT 'Whether it is a sub-technique',
    parent_id Nullable(String) COMMENT 'Tnnnn, of a sub-technique; else null',
    parent_name Nullable(String) COMMENT 'Name of the parent, of a sub-technique; else null',
    tactic_ids Array(String) COMMENT 'TAnnnn, in the order of the matrix',
    tactic_names Array(String) COMMENT 'Names of tactic_ids, in the same order',
    platforms Array(String) COMMENT 'Platforms it applies to',
    domain String COMMENT 'enterprise-attack or ics-attack',
    is_active Bool COMMENT 'Neither revoked nor deprecated: what coverage is counted over',
    revoked_by Nullable(String) COMMENT 'Technique that took its place; null if none',
    group_count UInt32 COMMENT 'Groups that ATT&CK reports to use exactly this technique',
    url String COMMENT 'Its page at MITRE',
    stix_id String COMMENT 'MITRE''s own attack-pattern id',
    attack_release String COMMENT 'ATT&CK release',
    loaded_at DateTime64(3, 'UTC') COMMENT 'When the release was loaded, UTC'
) AS
WITH
(
    SELECT mapFromArrays(groupArray(tactic), groupArray(name))
    FROM attack_tactics
    WHERE loaded_at = (SELECT max(loaded_at) FROM attack_tactics)
) AS tactic_name_of
SELECT
    t.technique_id AS technique_id,
    t.name AS name,
    t.is_sub_technique AS is_sub_technique,
    if(t.is_sub_technique, t.parent_id, NULL) AS parent_id,
    if(t.is_sub_technique, parent.name, NULL) AS parent_name,
    t.tactics AS tactic_ids,
    arrayMap(tactic -> tactic_name_of[tactic], t.tactics) AS tactic_names,
    t.platforms AS platforms,
    t.domain AS domain,
    t.is_active AS is_active,
    nullIf(t.revoked_by, '') AS revoked_by,
    t.group_count AS group_count,
    concat('https://attack.mitre.org/techniques/', replaceOne(t.technique_id, '.', '/'), '/') AS url,
    t.stix_id AS stix_id,
    t.release AS attack_release,
    t.loaded_at AS loaded_at
FROM attack_catalogue AS t
LEFT JOIN (SELECT technique_id, name FROM attack_catalogue) AS parent ON parent.technique_id = t.parent_id
SETTINGS join_use_nulls = 0
COMMENT 'Techniques of the ATT&CK release in use: the dimension of the other views';
