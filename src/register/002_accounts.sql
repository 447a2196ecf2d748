-- Second factor, forced change and recovery of local accounts. Times are Unix seconds; 0 means "never" or "not yet".
ALTER TABLE accounts ADD COLUMN must_change   INTEGER NOT NULL DEFAULT 0;  -- the password is to be changed at the next sign-in
ALTER TABLE accounts ADD COLUMN password_ends INTEGER NOT NULL DEFAULT 0;  -- a one-time password is not taken from then on
ALTER TABLE accounts ADD COLUMN locks         INTEGER NOT NULL DEFAULT 0;  -- lock-outs since the last good sign-in: each is longer
ALTER TABLE accounts ADD COLUMN totp_required INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN totp_secret   BLOB;                        -- what the person's app holds too
ALTER TABLE accounts ADD COLUMN totp_pending  BLOB;                        -- shown, and not yet confirmed by a code
ALTER TABLE accounts ADD COLUMN totp_step     INTEGER NOT NULL DEFAULT 0;  -- the last time step whose code was taken: no code twice

CREATE TABLE recovery_codes (
    account TEXT NOT NULL COLLATE NOCASE REFERENCES accounts (name),
    hash    BLOB NOT NULL,                     -- SHA-256 of a code of 120 random bits; a row goes when its code is used
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- When the person last proved who he is in this session.
ALTER TABLE sessions ADD COLUMN auth_time INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 2;
