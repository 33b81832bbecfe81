//! connexa
