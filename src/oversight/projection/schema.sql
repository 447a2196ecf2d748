-- The projection of the access log: what the reports ask. Made anew from the log whenever this file changes; nothing in
-- it is the only copy of anything.

CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- How far each stream is taken in: the next entry's number and place, and the last entry's, with its digest.
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    next_seq INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    last_segment INTEGER NOT NULL,
    last_offset INTEGER NOT NULL,
    last_leaf BLOB NOT NULL
);

-- Where every so-manieth entry begins, so that one can be read back.
CREATE TABLE place (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (stream, seq)
) WITHOUT ROWID;

CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (issuer, subject)
);

-- `number`: the digits that the key ends with, for telling whether somebody walks through the numbers.
CREATE TABLE patient (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, number INTEGER);

-- Everything else that repeats: events, roles, purposes, addresses, sessions, clients, labels.
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

-- The events of every day come first: what is rarer has an index of its own (`act_rare`).
INSERT INTO word (id, text) VALUES
    (0, ''), (1, 'record.read'), (2, 'record.search'), (3, 'patient.search'), (4, 'document.view'), (5, 'record.everything'),
    (6, 'auth.login'), (7, 'auth.logout'), (8, 'audit.query');

-- One row for each patient of an entry, or one for an entry without patients. `id` holds stream, number of the entry and
-- number of the patient in it.
CREATE TABLE act (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    user INTEGER NOT NULL,
    patient INTEGER,
    event INTEGER NOT NULL,
    action INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    role INTEGER NOT NULL,
    purpose INTEGER NOT NULL,
    ip INTEGER NOT NULL,
    session INTEGER NOT NULL,
    client INTEGER NOT NULL,
    policy INTEGER NOT NULL,
    break_glass INTEGER,
    domains INTEGER NOT NULL,
    labels INTEGER NOT NULL,
    records INTEGER NOT NULL,
    hits INTEGER,
    off_hours INTEGER NOT NULL,
    -- Hours of the clock on the wall since 1970, where the archive runs.
    hour INTEGER NOT NULL
);

-- Figures of one person's day in one role, and the days whose figures are to be made anew.
CREATE TABLE user_day (
    day INTEGER NOT NULL,
    user INTEGER NOT NULL,
    role INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    patients INTEGER NOT NULL,
    found INTEGER NOT NULL,
    found_opened INTEGER NOT NULL,
    records INTEGER NOT NULL,
    searches INTEGER NOT NULL,
    denied INTEGER NOT NULL,
    off_hours INTEGER NOT NULL,
    walk INTEGER NOT NULL,
    PRIMARY KEY (day, user, role)
) WITHOUT ROWID;

-- What each person did before, in brief: at which hours charts were opened, and which charts on which days. `day` is that of
-- `user_day`, by which rows are made anew; `hour` and `local` (days since 1970) are those of the clock on the wall.
CREATE TABLE user_hour (
    user INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    PRIMARY KEY (user, day, hour)
) WITHOUT ROWID;

CREATE TABLE user_chart (
    user INTEGER NOT NULL,
    day INTEGER NOT NULL,
    local INTEGER NOT NULL,
    patient INTEGER NOT NULL,
    PRIMARY KEY (user, day, local, patient)
) WITHOUT ROWID;

CREATE TABLE stale (user INTEGER NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (user, day)) WITHOUT ROWID;
