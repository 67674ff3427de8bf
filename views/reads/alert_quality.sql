-- One row: how right alerts are that were raised in from_s <= raised_at < to_s (epoch seconds), as of at_s;
-- '' is any technique (with its sub-techniques) or tactic. true_fidelity_pct: true positives of those judged
-- true or false; verdict_pct: those judged at all. null where there is nothing to count.
-- after: alert_state_since, attack_catalogue
CREATE OR REPLACE VIEW alert_quality AS
SELECT
    count() AS alerts,
    countIf(verdict IS NOT NULL) AS judged,
    countIf(ifNull(verdict, '') = 'true_positive') AS true_positives,
    countIf(ifNull(verdict, '') = 'false_positive') AS false_positives,
    if(true_positives + false_positives = 0, NULL, true_positives / (true_positives + false_positives) * 100)
        AS true_fidelity_pct,
    if(alerts = 0, NULL, judged / alerts * 100) AS verdict_pct
FROM alert_state_since(at_s = {at_s:Float64}, since_s = {from_s:Float64})
WHERE raised_at >= fromUnixTimestamp64Milli(toInt64(round({from_s:Float64} * 1000)), 'UTC')
    AND raised_at < fromUnixTimestamp64Milli(toInt64(round({to_s:Float64} * 1000)), 'UTC')
    AND ({technique_id:String} = '' OR arrayExists(
        id -> {technique_id:String} IN (id, substring(id, 1, 5)), technique_ids))
    AND ({tactic:String} = '' OR hasAny(technique_ids, (
        SELECT groupArray(technique_id) FROM attack_catalogue WHERE has(tactics, {tactic:String}))));
