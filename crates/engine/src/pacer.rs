//! A pacer for one process.
