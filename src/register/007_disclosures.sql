-- Suspensions of the accounting of disclosures: while one is in force, disclosures to that agency are left out of what the
-- patient is given (45 CFR 164.528(a)(2)).

CREATE TABLE disclosure_suspensions (
    id TEXT PRIMARY KEY,
    -- Patient key; the suspension holds for every key of the person.
    patient TEXT NOT NULL,
    -- As the recipient of the disclosures is called.
    agency TEXT NOT NULL,
    -- A written statement says how long; an oral one holds thirty days at most.
    is_written INTEGER NOT NULL,
    -- Who asked for it and what was shown.
    statement TEXT NOT NULL,
    -- Unix seconds.
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    -- When it was ended before its time.
    resumed INTEGER
);

CREATE INDEX disclosure_suspensions_patient ON disclosure_suspensions (patient);

PRAGMA user_version = 7;
