-- What it told is read from identity_anchors.
DROP VIEW IF EXISTS identity_members;
