-- Accounts, sessions and revoked tokens. Times are Unix seconds; 0 in locked_until means "not locked".
CREATE TABLE accounts (
    name          TEXT PRIMARY KEY COLLATE NOCASE,
    display_name  TEXT NOT NULL,
    password_hash TEXT NOT NULL,               -- PHC string, argon2id
    roles         TEXT NOT NULL,               -- role names, one space between
    disabled      INTEGER NOT NULL DEFAULT 0,
    failures      INTEGER NOT NULL DEFAULT 0,  -- sign-in attempts since the last good one
    locked_until  INTEGER NOT NULL DEFAULT 0,
    created       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. Counting an attempt on no account, or on a locked one, costs the same write as on any other, so that the
-- time taken does not tell which names exist.
CREATE TABLE unmatched_logins (count INTEGER NOT NULL) STRICT;
INSERT INTO unmatched_logins VALUES (0);

CREATE TABLE sessions (
    id_hash   BLOB PRIMARY KEY,                -- SHA-256 of the random id; the id itself is never stored
    account   TEXT NOT NULL COLLATE NOCASE REFERENCES accounts (name),
    role      TEXT NOT NULL,                   -- the one role that is active
    csrf      TEXT NOT NULL,
    created   INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_account ON sessions (account);

CREATE TABLE revoked_tokens (
    jti     TEXT PRIMARY KEY,
    expires INTEGER NOT NULL                   -- when the token would have ended; after that the row is not needed
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
