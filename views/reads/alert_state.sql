-- One row per alert raised by at_s (epoch seconds), as of then: per column the latest non-null by version
-- wins, a cleared column counts as a later null. asset_id '' is unknown; where the producer names none, the
-- asset that has (rule_system, rule_id) among its external ids. technique_ids: those the alert names, else
-- those its asset is mapped to. A verdict from the catalogue is one more change of the alert; of the same version
-- as a record it comes after it.
-- after: alert_state_since
CREATE OR REPLACE VIEW alert_state AS
SELECT *
FROM alert_state_since(at_s = {at_s:Float64}, since_s = 0);
