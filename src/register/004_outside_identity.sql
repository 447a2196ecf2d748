-- Sign-ins under way at identity providers, launches, sessions of people without a local account.

-- A browser that was sent away to sign in. The one answer that brings both secrets back takes the row out.
CREATE TABLE signins (
    state_hash  BLOB PRIMARY KEY,               -- SHA-256 of the `state` parameter
    cookie_hash BLOB NOT NULL,                  -- SHA-256 of the pre-session cookie
    issuer      TEXT NOT NULL,
    launched    INTEGER NOT NULL,               -- 1: by the EHR, with a patient
    nonce       TEXT NOT NULL,
    verifier    TEXT NOT NULL,                  -- PKCE
    next        TEXT NOT NULL,                  -- where to go on to, a path of this archive
    expires     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens that count once (signed launches, logout tokens), until they would have ended anyway.
CREATE TABLE used_tokens (
    issuer  TEXT NOT NULL,
    id      TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;

-- A session is of an account of this archive, or of a person whom an issuer vouches for.
CREATE TABLE sessions_of_anyone (
    id_hash      BLOB PRIMARY KEY,              -- SHA-256 of the random id; the id itself is never stored
    account      TEXT COLLATE NOCASE REFERENCES accounts (name),
    issuer       TEXT,
    subject      TEXT,
    name         TEXT,                          -- these four only without an account: what the issuer said
    roles        TEXT,
    attributes   TEXT NOT NULL DEFAULT '{}',
    provider_sid TEXT,                          -- the provider's own session, which may end this one
    role         TEXT NOT NULL,                 -- the one role that is active
    csrf         TEXT NOT NULL,
    created      INTEGER NOT NULL,
    last_seen    INTEGER NOT NULL,
    auth_time    INTEGER NOT NULL DEFAULT 0,    -- when the person last proved who he is in this session
    bound        INTEGER NOT NULL DEFAULT 0,    -- 1: opens launched patients alone
    embedded     INTEGER NOT NULL DEFAULT 0,    -- 1: begun where the EHR may show it in a frame
    ip           TEXT,
    agent        TEXT,
    CHECK ((account IS NULL) = (issuer IS NOT NULL AND subject IS NOT NULL AND name IS NOT NULL AND roles IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO sessions_of_anyone (id_hash, account, role, csrf, created, last_seen)
    SELECT id_hash, account, role, csrf, created, last_seen FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_of_anyone RENAME TO sessions;
CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_subject ON sessions (issuer, subject);

-- A launched patient in a session. The id stands in addresses; without the session's cookie it opens nothing.
CREATE TABLE contexts (
    id      TEXT PRIMARY KEY,
    session BLOB NOT NULL REFERENCES sessions (id_hash) ON DELETE CASCADE ON UPDATE CASCADE,
    patient TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX contexts_by_session ON contexts (session);

PRAGMA user_version = 4;
