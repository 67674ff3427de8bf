-- One row: for how many milliseconds a validation is valid by each span of decay_policy_order, in its order. A policy
-- that is about a tactic names its techniques; is_any: it is about any.
-- after: attack_catalogue, decay_policy_order
CREATE OR REPLACE VIEW decay_terms AS
SELECT CAST(
    arrayMap(p -> (p.platform, p.asset_type, p.is_default, p.from_time, p.to_time,
        toInt64(86400000 * p.validity_days), p.is_default OR p.tactic = '',
        if(p.tactic = '', [], techniques[p.tactic])), policies),
    'Array(Tuple(platform String, asset_type String, is_default Bool, from_time DateTime64(3, \'UTC\'),
        to_time DateTime64(3, \'UTC\'), term Int64, is_any Bool, techniques Array(String)))') AS terms
FROM decay_policy_order
CROSS JOIN
(
    SELECT mapFromArrays(groupArray(tactic), groupArray(ids)) AS techniques
    FROM
    (
        SELECT arrayJoin(tactics) AS tactic, groupArray(technique_id) AS ids
        FROM attack_catalogue
        GROUP BY tactic
    )
) AS of_tactic;
