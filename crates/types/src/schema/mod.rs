//! The wire schemas (API section 6).
