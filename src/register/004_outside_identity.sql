-- Sign-ins under way at identity providers, launches, sessions of people without a local account.

PRAGMA user_version = 4;
