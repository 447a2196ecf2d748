-- What people have chosen for their own pages. Not for: rights, or anything of a patient.

CREATE TABLE settings (
    issuer      TEXT NOT NULL,                  -- empty for an account of this archive
    subject     TEXT NOT NULL,                  -- then the account's name
    theme       TEXT NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    single_keys INTEGER NOT NULL,               -- 0: pages listen to no single key
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 11;
