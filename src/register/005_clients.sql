-- Programs that ask for tokens of their own (SMART backend services) and the assertions they have used.

PRAGMA user_version = 5;
