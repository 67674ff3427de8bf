-- One row per validation of a detection asset, with whether it is valid now and, if not, why.
-- after: validity
CREATE OR REPLACE VIEW v1_validations
(
    validation_id String COMMENT 'Id of the validation',
    asset_id String COMMENT 'Detection asset that was validated',
    technique_id Nullable(String) COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id; null: every technique of the asset',
    test_id Nullable(String) COMMENT 'Test that it was validated by: joins v1_tests.test_id; null if none',
    validation_result String COMMENT 'detected, partially_detected or not_detected',
    validation_method Nullable(String) COMMENT 'How; null if not told',
    validated_at DateTime64(3, 'UTC') COMMENT 'When, UTC',
    expires_at DateTime64(3, 'UTC') COMMENT 'When it ends by itself, UTC',
    is_valid Bool COMMENT 'Valid now',
    causes Array(String) COMMENT 'Every cause why it is not: declared, asset_deactivated, rule_changed, infrastructure_changed, log_source_changed, infrastructure_event, expired',
    invalidated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was declared invalid, UTC; null if it was not',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    validation_id,
    asset_id,
    nullIf(v.technique_id, '') AS technique_id,
    nullIf(v.test_id, '') AS test_id,
    validation_result,
    nullIf(v.validation_method, '') AS validation_method,
    validated_at,
    expires_at,
    toBool(v.is_valid) AS is_valid,
    causes,
    invalidated_at,
    now64(3, 'UTC') AS computed_at
FROM validity(at_s = toUnixTimestamp64Milli(now64(3)) / 1000, asset_id = '') AS v
COMMENT 'Validations of detection assets, and whether they are valid now';
