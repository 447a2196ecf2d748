//! the only code that creates, syncs and renames files.
