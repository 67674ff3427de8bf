-- One row: coverage of the active ATT&CK techniques of a scope as of at_s (epoch seconds); '' and [] are any,
-- domain '' is enterprise-attack. Three forms, each with its denominator: over all techniques, over leaves
-- (techniques without sub-techniques and sub-techniques), and weighted by how many groups use a technique.
-- pct = (validated + 0.5 * partial) / total * 100; null where there is nothing to cover. techniques: the rows of
-- coverage that were counted, by id: a list and its totals are one question.
-- after: coverage
CREATE OR REPLACE VIEW coverage_scope AS
WITH
    transform(status, ['validated', 'partial'], [1, 0.5], 0.) AS share,
    is_sub_technique OR technique_id NOT IN (
        SELECT parent_id FROM attack_catalogue WHERE is_active AND is_sub_technique) AS is_leaf
SELECT
    countIf(status = 'validated') AS validated,
    countIf(status = 'partial') AS partial,
    count() AS total,
    if(total = 0, NULL, sum(share) / total * 100) AS coverage_pct,
    countIf(status = 'validated' AND is_leaf) AS leaf_validated,
    countIf(status = 'partial' AND is_leaf) AS leaf_partial,
    countIf(is_leaf) AS leaf_total,
    if(leaf_total = 0, NULL, sumIf(share, is_leaf) / leaf_total * 100) AS leaf_coverage_pct,
    sumIf(group_count, status = 'validated') AS group_validated,
    sumIf(group_count, status = 'partial') AS group_partial,
    sum(group_count) AS group_total,
    if(group_total = 0, NULL, sum(share * group_count) / group_total * 100) AS group_coverage_pct,
    countIf(c.can_detect) AS can_detect,
    countIf(tags > 0) AS seen,
    (SELECT any(release) FROM attack_catalogue) AS attack_release,
    arraySort(t -> t.technique_id, groupArray(CAST(
        (technique_id, name, parent_id, tactics, platforms, domain, status, detection_count, valid_detection_count,
            c.can_detect, detecting_assets, tags, tags_30d, last_tag_at, group_count),
        'Tuple(technique_id String, name String, parent_id String, tactics Array(String), platforms Array(String),
            domain String, status String, detection_count UInt64, valid_detection_count UInt64, can_detect Bool,
            detecting_assets UInt64, tags UInt64, tags_30d UInt64, last_tag_at Nullable(DateTime64(3, \'UTC\')),
            group_count UInt64)'))) AS techniques
FROM coverage(at_s = {at_s:Float64}) AS c
WHERE domain = if({domain:String} = '', 'enterprise-attack', {domain:String})
    AND (empty({platforms:Array(String)}) OR hasAny(
        arrayMap(p -> lowerUTF8(p), platforms), arrayMap(p -> lowerUTF8(p), {platforms:Array(String)})))
    AND (empty({tactics:Array(String)}) OR hasAny(tactics, {tactics:Array(String)}));
