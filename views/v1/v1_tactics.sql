-- One row per tactic of the ATT&CK release in use.
CREATE OR REPLACE VIEW v1_tactics
(
    tactic_id String COMMENT 'TAnnnn: what tactic_id of other views joins',
    shortname String COMMENT 'Short name, such as initial-access',
    name String COMMENT 'Name in the release',
    domain String COMMENT 'enterprise-attack or ics-attack',
    position UInt32 COMMENT 'Column in the matrix of its domain, from 1',
    attack_release String COMMENT 'ATT&CK release',
    loaded_at DateTime64(3, 'UTC') COMMENT 'When the release was loaded, UTC'
) AS
SELECT tactic AS tactic_id, shortname, name, domain, position, release AS attack_release, loaded_at
FROM attack_tactics
WHERE loaded_at = (SELECT max(loaded_at) FROM attack_tactics)
COMMENT 'Tactics of the ATT&CK release in use';
