-- One row per identity that is one with identity_id as of at_s (epoch seconds), itself included.
-- after: identity_anchors
CREATE OR REPLACE VIEW identity_members AS
SELECT arrayJoin(members) AS member_id
FROM identity_anchors(identity_id = {identity_id:String}, at_s = {at_s:Float64});
