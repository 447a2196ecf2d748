-- Second factor, forced change and recovery of local accounts.

PRAGMA user_version = 2;
