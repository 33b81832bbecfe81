//! Journals: the in-memory one.
