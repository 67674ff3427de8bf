-- One row: detection assets by how they work as of at_s (epoch seconds). Those that count; candidates stand apart.
-- after: asset_status
CREATE OR REPLACE VIEW dashboard_assets AS
SELECT
    countIf(is_counted) AS assets,
    countIf(is_counted AND is_active) AS active_assets,
    countIf(NOT is_counted) AS candidates,
    countIf(is_counted AND health_status = 'untested') AS untested_assets,
    countIf(is_counted AND health_status = 'noisy') AS noisy_assets,
    countIf(is_counted AND health_status = 'silent') AS silent_assets,
    countIf(is_counted AND health_status = 'healthy') AS healthy_assets
FROM asset_status(at_s = {at_s:Float64});
