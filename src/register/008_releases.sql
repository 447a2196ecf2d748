-- Requests for records and their course: every step that people took, chained, and what the board shows of each request.
-- The request itself stands in its steps; the other columns of release_requests are made from them.

CREATE TABLE release_requests (
    -- 2026-000123
    number TEXT PRIMARY KEY,
    year INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    -- Unix seconds.
    received INTEGER NOT NULL,
    state TEXT NOT NULL,
    basis TEXT NOT NULL,
    priority TEXT NOT NULL,
    -- Unix seconds; NULL while no basis is written down.
    due INTEGER,
    assignee TEXT,
    -- Steps taken, and the digest of the last.
    steps INTEGER NOT NULL,
    head TEXT NOT NULL,
    changed INTEGER NOT NULL,
    UNIQUE (year, serial)
);

CREATE INDEX release_requests_due ON release_requests (state, due);

CREATE TABLE release_patients (
    number TEXT NOT NULL REFERENCES release_requests (number),
    patient TEXT NOT NULL,
    PRIMARY KEY (patient, number)
);

CREATE TABLE release_steps (
    number TEXT NOT NULL REFERENCES release_requests (number),
    -- From 0.
    step INTEGER NOT NULL,
    -- The step as JSON.
    made TEXT NOT NULL,
    -- SHA-256 over the digest before it and the step.
    digest TEXT NOT NULL,
    PRIMARY KEY (number, step)
);

-- Bates numbers: the next one of a prefix, and what became of every range. None is given twice.
CREATE TABLE bates_counters (
    prefix TEXT PRIMARY KEY,
    next INTEGER NOT NULL
);

CREATE TABLE bates_ranges (
    prefix TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    number TEXT NOT NULL,
    -- Unix seconds.
    at INTEGER NOT NULL,
    -- Why the range is void, when no package that left bears it.
    void_because TEXT,
    PRIMARY KEY (prefix, first)
);

PRAGMA user_version = 8;
