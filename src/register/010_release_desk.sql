-- Where the access log has the entry of each step of a request; packages that are being handed out; links for recipients.

-- `stream/number`; NULL of steps that an earlier version took.
ALTER TABLE release_steps ADD COLUMN entry TEXT;

-- Packages on their way out: written down before the disclosure, gone when the step is kept. What a crash leaves here is
-- completed from the access log, or forgotten when no disclosure stands there.
CREATE TABLE release_handovers (
    -- UUID, also in the disclosure's entry.
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL REFERENCES release_requests (number),
    -- Identity of who hands out.
    by TEXT NOT NULL,
    -- Unix seconds.
    at INTEGER NOT NULL,
    -- The handover as JSON, without the place of its entry.
    handover TEXT NOT NULL
);

-- Links by which a recipient fetches a package, once.
CREATE TABLE release_links (
    -- SHA-256 of the token; the token itself is kept nowhere.
    token TEXT PRIMARY KEY,
    number TEXT NOT NULL REFERENCES release_requests (number),
    -- Which handing out, from 0, and of which patient of the request.
    handover INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    -- Digest and name of the file.
    file TEXT NOT NULL,
    name TEXT NOT NULL,
    -- SHA-256 over salt, birth date and PIN.
    salt TEXT NOT NULL,
    proof TEXT NOT NULL,
    -- Unix seconds.
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    -- Wrong answers so far.
    tries INTEGER NOT NULL DEFAULT 0,
    -- When it was fetched.
    fetched INTEGER
);

PRAGMA user_version = 10;
