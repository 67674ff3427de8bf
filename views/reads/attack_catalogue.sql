-- One row per technique or sub-technique of the ATT&CK release that was loaded last.
CREATE OR REPLACE VIEW attack_catalogue AS
SELECT *
FROM attack_techniques
WHERE loaded_at = (SELECT max(loaded_at) FROM attack_techniques);
