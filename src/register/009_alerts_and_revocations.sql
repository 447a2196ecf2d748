-- Alerts that wait for somebody's eyes, tokens of one person taken back all at once, and sign-ins that prove anew who is
-- there. Times are Unix seconds; 0 means "not yet".
CREATE TABLE alerts (
    number   INTEGER PRIMARY KEY,
    about    TEXT NOT NULL,                     -- a code, as audit entries have it
    patients TEXT NOT NULL,                     -- keys, one space between
    detail   TEXT NOT NULL,                     -- what was found, in codes; nothing of a record
    issuer   TEXT NOT NULL,                     -- at whose request: identity is (issuer, subject)
    subject  TEXT NOT NULL,
    name     TEXT NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    times    INTEGER NOT NULL DEFAULT 1,        -- until it is seen, the same again is counted here
    seen     INTEGER NOT NULL DEFAULT 0,
    seen_by  TEXT                               -- issuer and subject, one space between
) STRICT;

CREATE INDEX alerts_unseen ON alerts (last) WHERE seen = 0;

-- Every token of this person that was issued up to `until` is void. Of outside issuers too.
CREATE TABLE revoked_subjects (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

ALTER TABLE signins ADD COLUMN begun  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signins ADD COLUMN proves TEXT;     -- the subject who is to prove again that it is he; else anyone signs in

PRAGMA user_version = 9;
