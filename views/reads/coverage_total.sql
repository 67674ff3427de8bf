-- One row: coverage of every active enterprise technique as of at_s (epoch seconds), as in coverage_scope.
-- after: coverage_scope
CREATE OR REPLACE VIEW coverage_total AS
SELECT * EXCEPT (techniques)
FROM coverage_scope(at_s = {at_s:Float64}, domain = '', platforms = [], tactics = []);
