-- One row per tactic of the pinned ATT&CK release, in the order of the catalogue's matrix.
CREATE TABLE IF NOT EXISTS attack_tactics
(
    tactic LowCardinality(String) COMMENT 'TAnnnn',
    shortname LowCardinality(String) COMMENT 'Short name, such as initial-access',
    name String COMMENT 'Name in the release',
    domain LowCardinality(String) COMMENT 'enterprise-attack or ics-attack',
    position UInt32 COMMENT 'Column in the matrix, from 1',
    release LowCardinality(String) COMMENT 'ATT&CK release',
    loaded_at DateTime64(3, 'UTC') COMMENT 'When the release was loaded, UTC'
)
ENGINE = MergeTree
ORDER BY (tactic, loaded_at)
COMMENT 'Tactics of the pinned ATT&CK release, and of those before';
