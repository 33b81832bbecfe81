//! The `connexa` command.
fn main() {}
