-- One row per tag: an event was seen, a rule matched it, and says which technique. Select a range of
-- event_time; it is what rows are ordered by. What the event was is not here,
-- nor are tags that a retag has put another version of the rule in the place of.
CREATE OR REPLACE VIEW v1_tags
(
    tag_id UUID COMMENT 'Id of the tag',
    event_time DateTime64(3, 'UTC') COMMENT 'When the event happened, UTC',
    ingest_time DateTime64(3, 'UTC') COMMENT 'When it was taken in, UTC',
    tagged_time DateTime64(3, 'UTC') COMMENT 'When the tag was made, UTC',
    source_kind String COMMENT 'Kind of the event: process, http_request, alert, …',
    source_id String COMMENT 'Id of the event',
    attack_id String COMMENT 'The sub-technique if one is named, else the technique: joins v1_techniques.technique_id',
    technique_id String COMMENT 'Technique, of a sub-technique its parent: Tnnnn',
    sub_technique_id Nullable(String) COMMENT 'Tnnnn.nnn; null if none is named',
    tactic_id String COMMENT 'First of tactic_ids',
    tactic_ids Array(String) COMMENT 'TAnnnn, in the order of the matrix',
    confidence Float64 COMMENT 'How sure the rule is, 0.3 to 1',
    severity String COMMENT 'informational, low, medium, high or critical',
    rule_id String COMMENT 'Rule that matched',
    rule_version String COMMENT 'Its version',
    identity_id Nullable(String) COMMENT 'Actor that the event names; null if none',
    attacker_id Nullable(String) COMMENT 'Source the actor came from, such as an address; null if none',
    session_id Nullable(String) COMMENT 'Session; null if none',
    host Nullable(String) COMMENT 'Machine it happened on; null if none',
    user Nullable(String) COMMENT 'Account it was done with; null if none',
    decoy Nullable(String) COMMENT 'Decoy or sensor that saw it; null if none',
    attack_release String COMMENT 'ATT&CK release that the ids are of',
    in_release Bool COMMENT 'The release knows the technique'
) AS
SELECT
    tag_id,
    event_time,
    ingest_time,
    tagged_time,
    source_kind,
    source_id,
    if(t.sub_technique_id = '', t.technique_id, t.sub_technique_id) AS attack_id,
    t.technique_id AS technique_id,
    nullIf(t.sub_technique_id, '') AS sub_technique_id,
    tactic AS tactic_id,
    tactics AS tactic_ids,
    confidence,
    severity,
    rule_id,
    rule_version,
    nullIf(t.identity_id, '') AS identity_id,
    nullIf(t.attacker_id, '') AS attacker_id,
    nullIf(t.session_id, '') AS session_id,
    nullIf(t.host, '') AS host,
    nullIf(t.user, '') AS user,
    nullIf(t.decoy, '') AS decoy,
    attack_release,
    in_release
FROM tags AS t
WHERE NOT t.is_superseded
COMMENT 'ATT&CK tags, one row per event, rule and technique';
