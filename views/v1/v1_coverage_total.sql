-- One row: coverage of all active enterprise techniques as of at_s (epoch seconds).
-- after: coverage_total
CREATE OR REPLACE VIEW v1_coverage_total
(
    validated UInt64 COMMENT 'Techniques with status validated',
    partial UInt64 COMMENT 'Techniques with status partial',
    total UInt64 COMMENT 'Active techniques and sub-techniques',
    coverage_pct Nullable(Float64) COMMENT '(validated + 0.5 × partial) / total × 100; null without techniques',
    leaf_coverage_pct Nullable(Float64) COMMENT 'The same over techniques without sub-techniques and sub-techniques',
    group_coverage_pct Nullable(Float64) COMMENT 'The same, a technique weighted by the groups that use it',
    can_detect UInt64 COMMENT 'Techniques that a rule in service could detect',
    seen UInt64 COMMENT 'Techniques with tags',
    attack_release String COMMENT 'ATT&CK release that total is of',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    validated, partial, total, coverage_pct, leaf_coverage_pct, group_coverage_pct, can_detect, seen,
    assumeNotNull(c.attack_release) AS attack_release, now64(3, 'UTC') AS computed_at
FROM coverage_total(at_s = {at_s:Float64}) AS c
COMMENT 'Coverage in per cent as of a time';
