-- Programs that ask for tokens of their own (SMART backend services) and the assertions they have used.
CREATE TABLE clients (
    id       TEXT PRIMARY KEY,
    label    TEXT NOT NULL,                  -- for people
    keys     TEXT,                           -- its JWK Set as registered, or
    keys_url TEXT,                           -- where it publishes one
    scopes   TEXT NOT NULL,                  -- system/ scopes, one space between
    disabled INTEGER NOT NULL DEFAULT 0,
    created  INTEGER NOT NULL,
    CHECK ((keys IS NULL) <> (keys_url IS NULL))
) STRICT, WITHOUT ROWID;

-- An assertion is good once: its id is kept until it would have ended anyway.
CREATE TABLE used_assertions (
    client  TEXT NOT NULL,
    jti     TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (client, jti)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 5;
