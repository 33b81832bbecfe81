//! The command line: what can be said, and what `--help` teaches. What it means is decided elsewhere.

mod api;
mod batch;
mod export;
mod get;
mod history;
mod planning;
mod policy;
mod scope;
mod span;

pub(crate) use api::Api;
pub(crate) use batch::{
    Create, Delete, Do, Form, On, Profile, ProfileFlags, Rotate, RotationFlags, Update, Which,
};
pub(crate) use export::Export;
pub(crate) use get::{Get, Past};
pub(crate) use history::{Abandon, Again, ReportOf, Runs, Show, Verify};
pub(crate) use planning::PruneFlags;
pub(crate) use policy::{AmongFlags, PolicyFlags};
pub(crate) use scope::ScopeFlags;

use clap::{Args, Parser, Subcommand, ValueEnum};
use connexa_emulator::{ApiKey, Limits, NotFound};
use connexa_engine::quota::Rate;
use std::path::PathBuf;

/// Batch operations for OpenVPN CloudConnexa.
///
/// Plans the fewest calls that the API allows, keeps within its rate limit, and says of each item what became of it.
#[derive(Debug, Parser)]
#[command(
    name = "connexa",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    after_help = AFTER_HELP
)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub(crate) global: Global,
}

const AFTER_HELP: &str = "\
Examples:
  # Try it without an account: the API in process, kept between runs
  connexa apply -f examples/branch-offices.yaml --emulator

  # Look at what would be done in your own tenant, and at its cost
  connexa plan -f offices.yaml --cloud-id acme

  # Create networks from a list; bad items fail one by one
  connexa create networks -f networks.json --output json

Environment:
  CLOUDCONNEXA_API_URL        URL of the tenant's API (or CLOUDCONNEXA_BASE_URL)
  CLOUDCONNEXA_CLIENT_ID      id of the API key
  CLOUDCONNEXA_CLIENT_SECRET  its secret (or CLOUDCONNEXA_CLIENT_SECRET_FILE: a file that holds it)
  CONNEXA_PROFILE             profile of the configuration file
  CONNEXA_CONFIG              configuration file [default: connexa/config.toml in the XDG folder]
  CONNEXA_STATE_DIR           where state is kept
  NO_COLOR                    no colours

Exit codes:
  0 done or nothing to do, 2 changes pending (plan --detailed-exitcode), 3 refused before any change,
  4 some items failed, 5 stopped, 6 an outcome is unknown, 7 tenant not reachable or key not accepted,
  8 declined, 64 wrong usage, 1 a bug";

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How this program was called, for commands that are shown to be copied; set by [`crate::run`].
    #[arg(skip)]
    pub(crate) program: String,
    /// URL of the tenant's API, such as `https://acme.api.openvpn.com`; a path is ignored.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Cloud ID of the tenant: its API is `https://CLOUD-ID.api.openvpn.com`.
    #[arg(long, global = true, value_name = "CLOUD-ID")]
    pub(crate) cloud_id: Option<String>,
    /// Profile of the configuration file: a tenant and the key to it [default: `$CONNEXA_PROFILE`].
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// PEM file of authorities to trust besides the system's.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Use the emulator in process, kept in the state directory, instead of a real tenant.
    #[arg(long, global = true)]
    pub(crate) emulator: bool,
    /// Rate limits of that emulator: default, 2024, unlimited, B:R:S[:shared] or r=B:R:S,u=B:R:S (burst, rate, seconds).
    #[arg(long, global = true, value_name = "LIMITS")]
    pub(crate) emulator_limits: Option<Limits>,
    /// Where state is kept [default: `$CONNEXA_STATE_DIR`, else the XDG state folder].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Form of the result on standard output [default: text].
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<Output>,
    /// Say nothing but the result and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log to standard error; -vv shows each attempt, -vvv everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the log.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// Form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// `get`, `export`, `runs`, `watch`: one JSON value a line.
    Jsonl,
    /// `get`, `export`: a spec in YAML.
    Yaml,
    /// `get`, `export`, `runs`, reports: a table for spreadsheets.
    Csv,
    /// `get`, `runs`: one key or id a line.
    Name,
    /// Plans and reports: for a pull request or a ticket.
    Markdown,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// JSON Lines.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a spec, offline and without a key.
    #[command(after_help = "\
Examples:
  connexa validate -f offices.yaml
  connexa validate -f specs/ --strict --output json")]
    Validate(Validate),
    /// Show what apply would change, and what it would cost.
    #[command(after_help = "\
Examples:
  connexa plan -f offices.yaml
  connexa plan -f offices.yaml --detailed-exitcode   # exit 2 if there is something to do")]
    Plan(Plan),
    /// Make the tenant as the spec says: plan, confirm, run, report.
    #[command(after_help = "\
What did not succeed is written as a spec that can be mended and applied; its path is printed.
Applying the same file again does just what is missing.

Examples:
  connexa apply -f offices.yaml
  connexa apply -f offices.yaml --yes --report report.json
  connexa apply -f examples/branch-offices.yaml --emulator --emulator-limits 20:10:1 --yes")]
    Apply(Apply),
    /// Create items of one kind; a bad item fails, the rest goes on.
    #[command(after_help = "\
ITEMS is a bare list of items, or a spec with that kind. An item that is already there, equal in
what the item says, succeeds; one that differs fails.

Examples:
  connexa create networks -f networks.json
  connexa create users -f users.yaml --parallel 4 --output json
  connexa create devices ada/laptop ada/phone
  connexa create block-domains bad.example worse.example --set comment=phishing
  some-export | connexa create dns-records -f json:- --dry-run")]
    Create(Create),
    /// Change fields of objects of one kind: from items in files, or the same for all that are named.
    #[command(after_help = "\
An item without an object fails before any call; the rest goes on. Values of --set, --add and
--remove are written as in a cell of a CSV file: lists are parted by |, what begins with [ or { is
JSON.

Examples:
  connexa update users -f users.csv
  connexa update networks 'branch-*' --set internet_access=split_tunnel_off --add gateways=hq
  connexa update users --where 'group == \"interns\"' --set group=alumni --max-updates 40
  connexa update network-connectors paris/paris-1 --set region=it-mxp --unset description
  connexa update settings wpc.snat --set value=true")]
    Update(Update),
    /// Delete objects of one kind, or all that a spec names, dependents first.
    #[command(after_help = "\
What is not there is already gone, and succeeds. What --where finds needs --max-deletes N, which
says how many are meant; so does more than 30 % of a kind, unless all are named one by one.

Examples:
  connexa delete users ada grace
  connexa delete network-connectors 'paris/*' --dry-run
  connexa delete users --where 'status == \"SUSPENDED\"' --max-deletes 12
  connexa delete networks -f closed-branches.csv --yes
  connexa delete -f offices.yaml")]
    Delete(Delete),
    /// Do something to objects: suspend, activate, reset-mfa, ipsec-start, profile and others.
    #[command(after_help = "\
Actions, each a command of its own too:
  suspend, activate             users, network-connectors, host-connectors
  reset-mfa, resend-invitation, force-password-change
                                users
  ipsec-start, ipsec-stop       network-connectors
  profile, revoke-profile       network-connectors, host-connectors, devices

Examples:
  connexa do suspend users ada grace
  connexa suspend users --where 'group == \"interns\"'
  connexa ipsec-start network-connectors 'plant/*'
  connexa profile network-connectors 'branch-*/*' --dir profiles
  connexa profile devices ada/laptop --region eu-central-1")]
    Do(Do),
    /// Lock users out, or block connectors.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa suspend users ada grace
  connexa suspend users --where 'group == \"interns\"' --dry-run
  connexa suspend host-connectors bastion/bastion-1"
    )]
    Suspend(On),
    /// Take the suspension of users or connectors back.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa activate users ada grace
  connexa activate users --where 'status == \"SUSPENDED\"' --yes"
    )]
    Activate(On),
    /// Have users enrol their second factor again.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa reset-mfa users ada
  connexa reset-mfa users -f users.csv"
    )]
    ResetMfa(On),
    /// Mail users their invitation again.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa resend-invitation users --where 'status == \"INVITED\"'"
    )]
    ResendInvitation(On),
    /// Have users choose a new password; their sessions end.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa force-password-change users --where 'group == \"engineers\"'"
    )]
    ForcePasswordChange(On),
    /// Start the IPsec tunnels of network connectors.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa ipsec-start network-connectors 'plant/*'"
    )]
    IpsecStart(On),
    /// Stop the IPsec tunnels of network connectors.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa ipsec-stop network-connectors plant/plant-fw"
    )]
    IpsecStop(On),
    /// Take the profiles of connectors or devices out of force.
    #[command(
        hide = true,
        after_help = "\
Examples:
  connexa revoke-profile devices ada/laptop
  connexa revoke-profile network-connectors paris/paris-1"
    )]
    RevokeProfile(On),
    /// Have profiles of connectors or devices made, and write them to files.
    #[command(
        hide = true,
        after_help = "\
Each file is NAME.ovpn, readable by you alone; a file that is there stops the command before any
call.

Examples:
  connexa profile network-connectors 'branch-*/*' --dir profiles
  connexa profile devices ada/laptop --region eu-central-1"
    )]
    Profile(Profile),
    /// Revoke the profiles of connectors, fetch new ones, and wait until they are in use.
    #[command(after_help = "\
For each connector: its profile is revoked, which has it go dark; a new one is fetched, written to
DIR and brought there by the hook; then the connector is waited for. One connector at a time,
unless --parallel says more; the first that fails stops the rest, unless --on-failure says
otherwise. What has been begun with a connector is gone through with.

Examples:
  connexa rotate-profile connectors 'branch-*/*' --dir profiles --dry-run
  connexa rotate-profile connectors 'branch-*/*' --dir profiles --wait online=5m \\
      --hook 'scp \"$1\" \"root@$(dirname \"$3\"):/etc/openvpn/connector.ovpn\"'
  connexa rotate-profile network-connectors '*' --dir profiles --wait online=5m --wave 1,5,25% --parallel 8")]
    RotateProfile(Rotate),
    /// Show live objects.
    #[command(after_help = "\
NAME is a key (a child's is PARENT/NAME), an id, or the path of a setting; a glob such as
'paris-*' shows all that match. Kinds: those of specs (networks, network-connectors,
network-routes, network-applications, network-ip-services, hosts, host-connectors,
host-applications, host-ip-services, user-groups, users, devices, access-groups,
location-contexts, device-postures, dns-records, settings), and what the API only shows: regions,
sessions, audit-log, dns-log.

Examples:
  connexa get networks
  connexa get users 'ada*' --fields username,email,group
  connexa get users --where 'group == \"engineers\" && status == \"INVITED\"' --output name
  connexa get settings 'dns.*'
  connexa get audit-log --from 7d --output jsonl
  connexa get networks --output yaml > networks.yaml   # applies back as a plan without changes")]
    Get(Get),
    /// List the runs on the tenant, newest first.
    #[command(after_help = "\
All commands that change something are recorded in the state directory, each tenant apart. No key
is needed to look.

Examples:
  connexa runs
  connexa runs --limit 5 --output json
  connexa show $(connexa runs --limit 1 --output name)")]
    Runs(Runs),
    /// Show what a run has done so far; also one that is at work in another terminal.
    #[command(after_help = "\
Examples:
  connexa show                     # the only unfinished run, else the last
  connexa show 01931f4c --output json
  connexa show --output markdown")]
    Show(Show),
    /// Follow a run that is at work in another terminal, to its end.
    #[command(after_help = "\
Ends with the report and the exit code of the run. Ctrl-C ends the watching, not the run.

Examples:
  connexa watch
  connexa watch --output jsonl     # what happens, one JSON value a line; `connexa schema events` says which")]
    Watch(Show),
    /// Continue a run: what was never started is done, what is unknown is looked for.
    #[command(after_help = "\
Of a run whose process was ended in the middle of it, what was in flight may or may not have been
carried out. It is looked for once the settle time (--settle) has passed, one list for each kind;
what is not there is sent again. The report covers the whole run. Options are those that the run
was started with, unless they are given here.

Examples:
  connexa resume                   # the only unfinished run
  connexa resume 01931f4c --dry-run
  connexa resume --yes --parallel 2 --report report.json")]
    Resume(Again),
    /// Continue a run, and try again what failed or was skipped.
    #[command(after_help = "\
What was refused for what it says is refused again: that is mended in the failures file, and
applied.

Examples:
  connexa retry
  connexa retry 01931f4c --yes --no-brake")]
    Retry(Again),
    /// Take back what a run did.
    #[command(after_help = "\
What was made is deleted, what was changed is set back, what was deleted is made again, in the
reverse order. An object that is not as the run left it is not touched: it stays, and the report
says so. What was found after a lost answer is only inferred to be ours, and taken back with
--undo-inferred only.

Examples:
  connexa undo --dry-run           # what would be taken back
  connexa undo 01931f4c
  connexa undo 01931f4c --undo-inferred --yes")]
    Undo(Again),
    /// Stop a run that is at work in another terminal, as Ctrl-C there does.
    #[command(after_help = "\
Nothing new is started, calls in flight end, and the run can be continued. Waits until it has
stopped.

Examples:
  connexa stop
  connexa stop 01931f4c")]
    Stop(Show),
    /// Give an unfinished run up: it is neither continued nor settled any more.
    #[command(after_help = "\
Nothing is sent. What is not known of it stays unknown, and is listed.

Examples:
  connexa abandon
  connexa abandon 01931f4c --output json")]
    Abandon(Abandon),
    /// Look whether what a run did is still there as it left it, and nothing was made twice.
    #[command(after_help = "\
Changes nothing: one list for each kind that the run touched. Exit 0 if all is as the report of
the run says, 4 if not.

Examples:
  connexa verify
  connexa verify 01931f4c --output json")]
    Verify(Verify),
    /// Print the report of a run again, or write it to a file.
    #[command(after_help = "\
Examples:
  connexa report --report report.md
  connexa report 01931f4c --output json
  connexa report --failures failed.yaml")]
    Report(ReportOf),
    /// Make one raw call, paced as all others are.
    #[command(after_help = "\
The body of the answer is printed as received, secrets removed; with --output json it is always
one JSON value. What is no GET is asked about first, or needs --yes. Paths that this version does
not know are sent all the same. Exit codes: 0 for a 2xx, 4 for any other answer, 6 if a change was
sent and no whole answer came, 7 if the tenant cannot be reached or does not accept the key.

Examples:
  connexa api GET '/networks?size=100'
  connexa api GET /api/v1/users/6f0c0a52-8d6f-4b7e-9a63-3e3d3f4d8b11 --output json
  connexa api POST /networks -f network.json --yes")]
    Api(Api),
    /// Write live objects as a spec that makes them again, here or in another tenant.
    #[command(after_help = "\
The same state gives the same bytes. Applied to the same tenant, an export is a plan without
changes; secrets are written as hashes, to be filled in for another tenant. Output is yaml (the
default), json, jsonl or csv; a CSV file holds one kind, so several kinds need --dir.

Examples:
  connexa export > tenant.yaml
  connexa export networks access-groups --output json
  connexa export --dir tenant/       # one file for each kind; again, and only what has changed is written anew
  connexa export dns-records --output csv > dns_records.csv")]
    Export(Export),
    /// Run the API on this machine, over HTTPS, for any client.
    #[command(after_help = "\
When it listens it prints one line of JSON: url, ca_file, client_id, client_secret.

Examples:
  connexa emulator
  connexa emulator --listen 127.0.0.1:0 --limits unlimited --store tenant.db

  # Lose every third answer to a create, and keep a ledger that tells what was done all the same
  echo '{\"rules\": [{\"method\": \"POST\", \"path\": \"/networks\", \"every\": 3, \"fault\": {\"reset\": {\"commit\": \"after\"}}}]}' > faults.json
  connexa emulator --faults faults.json --ledger ledger.jsonl

  # Look at the tenant, and start it over
  curl http://127.0.0.1:8443/_emulator/state     # with --http
  curl -X POST http://127.0.0.1:8443/_emulator/reset

Faults, ledger and control are explained in docs/emulator.md.")]
    Emulator(Emulator),
    /// Print the JSON Schema of a document that commands print.
    #[command(after_help = "\
Examples:
  connexa schema report > report.schema.json")]
    Schema(Schema),
    /// Print a script that completes commands and flags in a shell.
    #[command(after_help = "\
Examples:
  connexa completions bash > ~/.local/share/bash-completion/completions/connexa")]
    Completions(Completions),
}

impl Command {
    /// The command's word.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Validate(_) => "validate",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
            Self::Do(_) => "do",
            Self::Suspend(_) => "suspend",
            Self::Activate(_) => "activate",
            Self::ResetMfa(_) => "reset-mfa",
            Self::ResendInvitation(_) => "resend-invitation",
            Self::ForcePasswordChange(_) => "force-password-change",
            Self::IpsecStart(_) => "ipsec-start",
            Self::IpsecStop(_) => "ipsec-stop",
            Self::RevokeProfile(_) => "revoke-profile",
            Self::Profile(_) => "profile",
            Self::RotateProfile(_) => "rotate-profile",
            Self::Get(_) => "get",
            Self::Runs(_) => "runs",
            Self::Show(_) => "show",
            Self::Watch(_) => "watch",
            Self::Resume(_) => "resume",
            Self::Retry(_) => "retry",
            Self::Undo(_) => "undo",
            Self::Stop(_) => "stop",
            Self::Abandon(_) => "abandon",
            Self::Verify(_) => "verify",
            Self::Report(_) => "report",
            Self::Api(_) => "api",
            Self::Export(_) => "export",
            Self::Emulator(_) => "emulator",
            Self::Schema(_) => "schema",
            Self::Completions(_) => "completions",
        }
    }

    /// Whether its result on standard output is all that it does.
    pub(crate) const fn only_tells(&self) -> bool {
        match self {
            Self::Apply(apply) => apply.run.dry_run,
            Self::Create(create) => create.run.dry_run,
            Self::Update(update) => update.run.dry_run,
            Self::Delete(delete) => delete.run.dry_run,
            Self::Do(act) => act.on.run.dry_run,
            Self::Profile(profile) => profile.on.run.dry_run,
            Self::RotateProfile(rotate) => rotate.run.dry_run,
            Self::Suspend(on)
            | Self::Activate(on)
            | Self::ResetMfa(on)
            | Self::ResendInvitation(on)
            | Self::ForcePasswordChange(on)
            | Self::IpsecStart(on)
            | Self::IpsecStop(on)
            | Self::RevokeProfile(on) => on.run.dry_run,
            Self::Resume(again) | Self::Retry(again) | Self::Undo(again) => again.run.dry_run,
            Self::Emulator(_) | Self::Stop(_) | Self::Abandon(_) | Self::Watch(_) => false,
            Self::Api(api) => api.only_reads(),
            Self::Validate(_)
            | Self::Plan(_)
            | Self::Get(_)
            | Self::Runs(_)
            | Self::Show(_)
            | Self::Verify(_)
            | Self::Report(_)
            | Self::Export(_)
            | Self::Schema(_)
            | Self::Completions(_) => true,
        }
    }
}

/// Where the spec is.
#[derive(Clone, Debug, Args)]
pub(crate) struct SpecFiles {
    /// Spec: a file, a folder, or - for standard input; FORMAT: before it is yaml, json or jsonl. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "[FORMAT:]PATH", required = true)]
    pub(crate) files: Vec<String>,
    /// Take warnings for errors.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// How a run goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run options")]
pub(crate) struct RunFlags {
    /// Show the plan and change nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
    /// Most calls in flight at once [default: that of the profile, else 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallel: Option<u16>,
    /// Most calls in a time, below what the tenant's quota allows, such as 4/min or 0.5/s.
    #[arg(long, value_name = "RATE")]
    pub(crate) max_rate: Option<Rate>,
    /// When it stops, and when it looks again.
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
    /// What it does about other runs.
    #[command(flatten)]
    pub(crate) among: AmongFlags,
    /// Write the report to a file too: .json, .csv or .md (Markdown) by its name, anything else is text.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write what happens to a file as it happens, one JSON value a line; `connexa schema events` says which.
    #[arg(long, value_name = "FILE", value_parser = events_file)]
    pub(crate) events: Option<PathBuf>,
    /// Write what did not succeed to this file, as a spec [default: a file in the state directory].
    #[arg(long, value_name = "FILE")]
    pub(crate) failures: Option<PathBuf>,
}

/// The file of `--events`: standard output is for the result alone.
fn events_file(path: &str) -> Result<PathBuf, String> {
    match path {
        "" => Err("expected the name of a file".to_owned()),
        "-" => Err("standard output is for the result; name a file, such as /dev/stderr".to_owned()),
        path => Ok(path.into()),
    }
}

/// `validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Where the spec is.
    #[command(flatten)]
    pub(crate) spec: SpecFiles,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Where the spec is.
    #[command(flatten)]
    pub(crate) spec: SpecFiles,
    /// Which changes are wanted.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// What is deleted because the spec does not list it.
    #[command(flatten)]
    pub(crate) prune: PruneFlags,
    /// Write the plan to a file, for `apply FILE`, which carries out just that or refuses.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Plan against an export instead of the tenant: no key, no call.
    #[arg(long, value_name = "EXPORT", conflicts_with = "out")]
    pub(crate) against: Option<String>,
    /// Leave bad items out instead of refusing the spec: they fail, and what needs them is skipped.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Exit with 2 if there is something to do.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// `apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// A plan that `plan --out` wrote: carried out as it was shown, or refused if the tenant has changed.
    #[arg(value_name = "PLANFILE", conflicts_with_all = ["files", "prune", "only", "exclude", "limit", "skip_invalid"])]
    pub(crate) plan: Option<PathBuf>,
    /// Spec: a file, a folder, or - for standard input; FORMAT: before it is yaml, json, jsonl or csv. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "[FORMAT:]PATH", required_unless_present = "plan")]
    pub(crate) files: Vec<String>,
    /// Take warnings for errors.
    #[arg(long)]
    pub(crate) strict: bool,
    /// What is deleted because the spec does not list it.
    #[command(flatten)]
    pub(crate) prune: PruneFlags,
    /// Which changes are wanted.
    #[command(flatten)]
    pub(crate) scope: ScopeFlags,
    /// Leave bad items out instead of refusing the spec: they fail, what needs them is skipped, the rest is done.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// How the run goes.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// `emulator`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Emulator {
    /// Address to listen on; port 0 picks one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub(crate) listen: std::net::SocketAddr,
    /// Folder of the certificate, made there at start [default: emulator-tls in the state directory].
    #[arg(long, value_name = "DIR", conflicts_with = "http")]
    pub(crate) tls_dir: Option<PathBuf>,
    /// Plain HTTP; on a loopback address only.
    #[arg(long)]
    pub(crate) http: bool,
    /// Rate limits: default, 2024, unlimited, B:R:S[:shared] or r=B:R:S,u=B:R:S (burst, rate, seconds).
    #[arg(long, value_name = "LIMITS", default_value = "default")]
    pub(crate) limits: Limits,
    /// A test credential, ID:SECRET or ID:SECRET:read. Repeatable; replaces emulator:emulator.
    #[arg(long = "key", value_name = "ID:SECRET[:read]")]
    pub(crate) keys: Vec<ApiKey>,
    /// File that keeps the tenant; without it, it lives in memory.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Where ids and tokens start from: equal seeds, equal answers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// How long a token lives.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub(crate) token_ttl: Option<u64>,
    /// Status of answers about unknown ids: 400, 404, or KIND=400 and KIND=404 for single kinds, parted by commas.
    #[arg(long, value_name = "STATUS", default_value = "400")]
    pub(crate) not_found: NotFound,
    /// Whether names are unique where they are believed to be: yes or no.
    #[arg(long, value_name = "YES|NO", default_value = "yes", hide_possible_values = true,
          action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) names_unique: bool,
    /// Send Retry-After with a 429.
    #[arg(long)]
    pub(crate) retry_after: bool,
    /// JSON file of faults: what goes wrong, for which requests, and when.
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// File to which a line of JSON is added for each request: what it did, and what became of its answer.
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Leave out the control under /_emulator/ (state, statistics, reset, faults, seed data).
    #[arg(long)]
    pub(crate) no_control: bool,
    /// Offer POST /batch, which the real API does not have: {"operations": [{method, path, body}]}.
    #[arg(long)]
    pub(crate) batch_endpoint: bool,
    /// Print lines for a shell to read instead of JSON.
    #[arg(long)]
    pub(crate) print_env: bool,
}

/// `schema`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which document.
    #[arg(default_value = "report")]
    pub(crate) document: Document,
}

/// The documents that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// What a run came to.
    Report,
    /// What would be changed.
    Plan,
    /// One line of --events.
    Events,
    /// Runs of the past.
    Runs,
    /// Problems of a spec.
    Problems,
    /// Several reports.
    Reports,
    /// Specs: what editors complete and check.
    Spec,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
