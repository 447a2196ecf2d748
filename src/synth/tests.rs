//! Tests of the made-up hospital as a whole. Not for: single parts, which have theirs beside them.
