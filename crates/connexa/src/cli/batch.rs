//! The imperative commands: a verb, a kind, and which of its objects.

use super::{RunFlags, ScopeFlags, span};
use clap::{Args, ValueEnum};
use connexa_engine::plan::ProfileForm;
use std::{path::PathBuf, time::Duration};

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

impl Form {
    /// What the plan calls it.
    pub(crate) const fn of_profile(self) -> ProfileForm {
        match self {
            Self::Ovpn => ProfileForm::Ovpn,
            Self::Token => ProfileForm::Token,
            Self::Dmg => ProfileForm::Dmg,
            Self::Msi => ProfileForm::Msi,
        }
    }
}

/// `rotate-profile`.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// connectors, or those of one kind: network-connectors, host-connectors.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Which connectors.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Where the new profiles go, and how they get to work.
    #[command(flatten)]
    pub(crate) rotation: RotationFlags,
    /// Which changes are wanted, and how many are meant.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// How the run goes.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// What becomes of new profiles.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Profiles")]
pub(crate) struct RotationFlags {
    /// Folder for the files, one for each connector, readable by you alone; a file that is there is kept as NAME.old.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Command for the shell that brings a file to its connector: it is run once the file is on the disk, with its path, kind,
    /// key and id as `$1` to `$4`, and as `$CONNEXA_FILE`, `$CONNEXA_KIND`, `$CONNEXA_KEY`, `$CONNEXA_ID`.
    #[arg(long, value_name = "CMD", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) hook: Option<String>,
    /// Wait until the connector is online again, and take it for failed if it is not within this time, such as online=5m.
    #[arg(long, value_name = "online=DURATION", value_parser = online)]
    pub(crate) wait: Option<Duration>,
    /// What is made: the configuration, a token, or where an installer can be had [default: ovpn].
    #[arg(long, value_name = "FORM")]
    pub(crate) form: Option<Form>,
}

/// What is waited for, and how long.
fn online(text: &str) -> Result<Duration, String> {
    match text.split_once('=') {
        Some((what, span)) if what.trim().eq_ignore_ascii_case("online") => match span::parse(span)? {
            Duration::ZERO => Err("no time at all is too short".to_owned()),
            within => Ok(within),
        },
        _ => Err("expected online=DURATION, such as online=5m".to_owned()),
    }
}
