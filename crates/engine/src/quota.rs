//! The arithmetic of the server's token buckets, seen from this side.
