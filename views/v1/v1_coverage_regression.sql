-- One row per technique whose status fell between from_s and to_s (epoch seconds) and validation that no longer
-- upholds it, with the cause.
-- after: coverage_regression
CREATE OR REPLACE VIEW v1_coverage_regression
(
    technique_id String COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id',
    status_from String COMMENT 'Status at from_s: validated or partial',
    status_to String COMMENT 'Status at to_s: partial or none',
    cause String COMMENT 'First of causes',
    causes Array(String) COMMENT 'declared, asset_deactivated, rule_changed, infrastructure_changed, log_source_changed, infrastructure_event, expired, mapping_removed or newer_failed_validation',
    asset_id String COMMENT 'Detection asset that no longer upholds it',
    validation_id String COMMENT 'Its validation at from_s',
    validated_at DateTime64(3, 'UTC') COMMENT 'When it was validated, UTC',
    expires_at DateTime64(3, 'UTC') COMMENT 'When the validation ends by itself, UTC',
    rule_version_from Nullable(String) COMMENT 'Version of the rule that was validated; null if unknown',
    rule_version_to Nullable(String) COMMENT 'Version of the rule at to_s; null if unknown',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    technique_id, status_from, status_to, cause, causes, asset_id, validation_id, validated_at, expires_at,
    nullIf(r.rule_version_from, '') AS rule_version_from,
    nullIf(r.rule_version_to, '') AS rule_version_to,
    now64(3, 'UTC') AS computed_at
FROM coverage_regression(from_s = {from_s:Float64}, to_s = {to_s:Float64}) AS r
COMMENT 'Techniques whose coverage fell between two times, with the cause';
