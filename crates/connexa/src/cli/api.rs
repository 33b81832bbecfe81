//! `api`: one raw call.

use clap::Args;

/// `api`.
#[derive(Debug, Args)]
pub(crate) struct Api {
    /// GET, POST, PUT, PATCH or DELETE, in either case.
    #[arg(value_name = "METHOD")]
    pub(crate) method: String,
    /// Path below the tenant's API with its query, such as '/networks?size=100'; with or without /api/v1.
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Body: a file, or - for standard input; sent as it is.
    #[arg(short = 'f', long = "file", value_name = "BODY")]
    pub(crate) body: Option<String>,
    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

impl Api {
    /// Whether nothing can be changed by it.
    pub(crate) const fn only_reads(&self) -> bool {
        matches!(self.method.as_bytes(), [b'G' | b'g', b'E' | b'e', b'T' | b't'])
    }
}
