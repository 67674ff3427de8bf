-- One row: the coverage_pct of coverage_total as of at_s (epoch seconds), without what else is said of techniques.
-- after: technique_status, attack_catalogue
CREATE OR REPLACE VIEW coverage_share AS
WITH (SELECT count() FROM attack_catalogue WHERE is_active AND domain = 'enterprise-attack') AS total
SELECT if(total = 0, NULL, sum(rank) / 2 / total * 100) AS coverage_pct
FROM technique_status(at_s = {at_s:Float64});
