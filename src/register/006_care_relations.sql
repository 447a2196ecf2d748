-- Who cares for whom, as imported, and the policy that ruled last.

-- Times are Unix seconds, from `begins` to before `ends`. The list is replaced whole by each import.
CREATE TABLE care_relations (
    issuer  TEXT NOT NULL,                     -- 'local' for accounts of this archive
    subject TEXT NOT NULL,
    patient TEXT NOT NULL,                     -- key
    begins  INTEGER NOT NULL,
    ends    INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject, patient, begins)
) STRICT, WITHOUT ROWID;

-- At most one row. Tells at start whether the policy has changed since.
CREATE TABLE policy_in_force (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    digest   TEXT NOT NULL,                    -- SHA-256 of the file, in hex
    since    INTEGER NOT NULL
) STRICT;

PRAGMA user_version = 6;
