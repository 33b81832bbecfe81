//! The imperative commands: a verb, a kind, and which of its objects.

use super::{RunFlags, ScopeFlags};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Items in files.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ItemFiles {
    /// Items: a file, a folder, or - for standard input; FORMAT: before it is yaml, json, jsonl or csv. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "[FORMAT:]PATH")]
    pub(crate) files: Vec<String>,
    /// Take warnings for errors.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Which objects are meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Which {
    /// Names, ids, or globs such as 'paris-*'; a child is PARENT/NAME, with globs on either side.
    #[arg(value_name = "NAME|GLOB")]
    pub(crate) names: Vec<String>,
    /// Items in files.
    #[command(flatten)]
    pub(crate) items: ItemFiles,
    /// Objects of which this is true, such as 'name.startsWith("lab-") && !egress' (CEL, fields by their spec names).
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) matching: Option<String>,
}

/// `create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Kind of the items, singular or plural, with _ or -.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Names of items that need no more than a name; a child is PARENT/NAME.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Where the items are.
    #[command(flatten)]
    pub(crate) items: ItemFiles,
    /// Give a field to all items that are named here. Repeatable.
    #[arg(long, value_name = "FIELD=VALUE", requires = "names")]
    pub(crate) set: Vec<String>,
    /// Which changes are wanted, and how many are meant.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// How the run goes.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// `update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Kind of the objects, singular or plural, with _ or -.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Which objects.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Give a field a value, written as in a cell of a CSV file. Repeatable.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,
    /// Add elements to a list, parted by |. Repeatable.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) add: Vec<String>,
    /// Take elements out of a list, parted by |. Repeatable.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) remove: Vec<String>,
    /// Clear a field. Repeatable.
    #[arg(long, value_name = "FIELD")]
    pub(crate) unset: Vec<String>,
    /// Which changes are wanted, and how many are meant.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// How the run goes.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// `delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Kind of the objects, singular or plural, with _ or -; without it, all that the spec of -f names.
    #[arg(value_name = "KIND", required_unless_present = "files")]
    pub(crate) kind: Option<String>,
    /// Which objects.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Which changes are wanted, and how many are meant.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// How the run goes.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// `do`.
#[derive(Debug, Args)]
pub(crate) struct Do {
    /// What is done: suspend, activate, reset-mfa, resend-invitation, force-password-change, ipsec-start, ipsec-stop,
    /// revoke-profile or profile.
    #[arg(value_name = "ACTION")]
    pub(crate) verb: String,
    /// To what, and how.
    #[command(flatten)]
    pub(crate) on: On,
    /// Where profiles go.
    #[command(flatten)]
    pub(crate) profile: ProfileFlags,
}

/// A verb alone.
#[derive(Debug, Args)]
pub(crate) struct On {
    /// Kind of the objects, singular or plural, with _ or -.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Which objects.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Which changes are wanted, and how many are meant.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// How the run goes.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// `profile`.
#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// Of what, and how.
    #[command(flatten)]
    pub(crate) on: On,
    /// Where the profiles go.
    #[command(flatten)]
    pub(crate) profile: ProfileFlags,
}

/// What `profile` makes, and where it goes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Profiles")]
pub(crate) struct ProfileFlags {
    /// Folder for the files, one for each object, readable by you alone [default: the working folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Region that profiles of devices are for.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// What is made: the configuration, a connector's token, or where its installer can be had [default: ovpn].
    #[arg(long, value_name = "FORM")]
    pub(crate) form: Option<Form>,
    /// Write over files that are there.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

impl ProfileFlags {
    /// Whether nothing is said of profiles.
    pub(crate) const fn is_empty(&self) -> bool {
        self.dir.is_none() && self.region.is_none() && self.form.is_none() && !self.overwrite
    }
}

/// In which form profiles are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The configuration itself, NAME.ovpn.
    Ovpn,
    /// The token that installs a connector, NAME.token.
    Token,
    /// Address of an installer for macOS, NAME.dmg.url.
    Dmg,
    /// Address of an installer for Windows, NAME.msi.url.
    Msi,
}
