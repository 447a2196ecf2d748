-- Suspensions of the accounting of disclosures.

PRAGMA user_version = 7;
