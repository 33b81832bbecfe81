//! Live objects as items of a spec (spec section 9): what `get`, `export`, `--where` and mended specs show of an object.
