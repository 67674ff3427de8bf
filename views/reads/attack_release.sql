-- The ATT&CK release that was loaded last; no row before the first load.
CREATE OR REPLACE VIEW attack_release AS
SELECT release, max(loaded_at) AS loaded_at
FROM attack_techniques
GROUP BY release
ORDER BY loaded_at DESC
LIMIT 1;
