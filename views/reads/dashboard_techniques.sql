-- One row: active enterprise techniques by status and level of confidence as of at_s (epoch seconds). orphans: those
-- without an owner.
-- after: technique_confidence, technique_owners
CREATE OR REPLACE VIEW dashboard_techniques AS
SELECT
    count() AS techniques,
    countIf(status = 'validated') AS validated,
    countIf(status = 'partial') AS partial,
    if(techniques = 0, NULL, (validated + 0.5 * partial) / techniques * 100) AS coverage_pct,
    countIf(level = 'unknown') AS unknown_confidence,
    countIf(level = 'very_low') AS very_low_confidence,
    countIf(level = 'low') AS low_confidence,
    countIf(level = 'medium') AS medium_confidence,
    countIf(level = 'high') AS high_confidence,
    if(techniques = unknown_confidence, NULL, avgIf(score, level != 'unknown')) AS score_mean,
    countIf(technique_id NOT IN (SELECT technique_id FROM technique_owners(at_s = {at_s:Float64}))) AS orphans
FROM technique_confidence(at_s = {at_s:Float64})
WHERE domain = 'enterprise-attack';
