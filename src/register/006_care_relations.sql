-- Who cares for whom, as imported.

PRAGMA user_version = 6;
