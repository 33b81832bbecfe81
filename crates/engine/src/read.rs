//! The machine that reads lists: page loops, stable passes, retries.
