-- Uses of break-glass, their review, and notices on their way out. Times are Unix seconds; 0 means "not yet".
CREATE TABLE break_glass (
    id          TEXT PRIMARY KEY,
    issuer      TEXT NOT NULL,                 -- identity is (issuer, subject)
    subject     TEXT NOT NULL,
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    session     TEXT NOT NULL,                 -- the session that it ends with, as audit entries call it
    patients    TEXT NOT NULL,                 -- keys, one space between; the first is the one asked for
    classes     INTEGER NOT NULL,              -- bits of the label
    reason_code TEXT NOT NULL,
    reason_text TEXT NOT NULL,
    reason_bare TEXT NOT NULL,                 -- its letters and digits alone, so that a repetition is told
    personnel   TEXT,                          -- 42 CFR 2.51(c): to whom, where, and the nature of the emergency
    facility    TEXT,
    nature      TEXT,
    started     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    in_force    INTEGER NOT NULL DEFAULT 0,    -- 1 from when its entry is in the log; before that it opens nothing
    stopped     INTEGER NOT NULL DEFAULT 0,
    stop_reason TEXT,
    stop_logged INTEGER NOT NULL DEFAULT 0,
    answers     INTEGER NOT NULL DEFAULT 0,    -- what was opened under it, counted from the log when it ended
    records     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX break_glass_by_person ON break_glass (issuer, subject, started);
CREATE INDEX break_glass_not_done ON break_glass (started) WHERE stop_logged = 0;

CREATE TABLE break_glass_reviews (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL REFERENCES break_glass (id),
    at       INTEGER NOT NULL,
    issuer   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    name     TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    comment  TEXT NOT NULL
) STRICT;

CREATE INDEX break_glass_reviews_by_use ON break_glass_reviews (id, number);

CREATE TABLE notices (
    number   INTEGER PRIMARY KEY,
    channel  TEXT NOT NULL,                    -- webhook or syslog
    about    TEXT NOT NULL,                    -- what it tells of, as its audit entries call it
    body     TEXT NOT NULL,                    -- JSON
    created  INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL,
    done     INTEGER NOT NULL DEFAULT 0        -- when it was delivered or given up
) STRICT;

CREATE INDEX notices_waiting ON notices (next_try) WHERE done = 0;

PRAGMA user_version = 3;
