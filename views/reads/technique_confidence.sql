-- One row per active ATT&CK technique as of at_s (epoch seconds): how sure we are to detect it. score is 0 to 100, the
-- sum of score_breakdown: what technique_evidence has, and health, the factor of its best validly validated asset.
-- level is unknown without detections.
-- after: technique_evidence, asset_status
CREATE OR REPLACE VIEW technique_confidence AS
WITH
    (
        SELECT (
            arrayPushBack(groupArray(asset_id), ''),
            arrayPushBack(groupArray(health_status), ''),
            arrayPushBack(groupArray(health_factor), 0.))
        FROM asset_status(at_s = {at_s:Float64})
    ) AS works,
    arrayMap(a -> transform(a.1, works.1, works.2, ''), assets) AS statuses,
    arrayMap(a -> transform(a.1, works.1, works.3, 0.), assets) AS factors
SELECT
    e.* EXCEPT (assets, health_weight, possible_risks, score_breakdown),
    arrayMax(arrayPushBack(arrayMap((factor, a) -> if(a.2, factor, 0.), factors, assets), 0.)) AS health,
    if(empty(factors), 0, arrayAvg(factors)) AS health_mean,
    mapConcat(e.score_breakdown, map('health', e.health_weight * health)) AS score_breakdown,
    arraySum(mapValues(score_breakdown)) AS score,
    multiIf(
        detection_count = 0, 'unknown', score < 25, 'very_low', score < 50, 'low', score < 75, 'medium', 'high') AS level,
    arrayFilter(risk -> risk NOT IN ('silent', 'noisy') OR has(statuses, risk), possible_risks) AS risk_factors
FROM technique_evidence(at_s = {at_s:Float64}) AS e;
