-- One row per active enterprise technique with a status above none as of at_s (epoch seconds), as in coverage:
-- rank 2 validated, 1 partial.
-- after: detection_state, attack_catalogue
CREATE OR REPLACE VIEW technique_status AS
SELECT technique_id, multiIf(own = 2, 2, own = 1 OR of_subs > 0, 1, 0) AS rank
FROM
(
    SELECT
        c.technique_id AS technique_id,
        d.best AS own,
        if(c.is_sub_technique, 0, max(if(c.is_sub_technique, d.best, 0)) OVER (PARTITION BY c.parent_id)) AS of_subs
    FROM attack_catalogue AS c
    LEFT JOIN
    (
        SELECT technique_id, maxIf(result, is_counted AND validation_id != '') AS best
        FROM detection_state(at_s = {at_s:Float64})
        GROUP BY technique_id
    ) AS d ON d.technique_id = c.technique_id
    WHERE c.is_active AND c.domain = 'enterprise-attack'
)
WHERE rank > 0
SETTINGS join_use_nulls = 0;
