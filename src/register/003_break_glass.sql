-- Grants of break-glass and their review.

PRAGMA user_version = 3;
