//! Life-cycle actions: from objects that were named and a verb to a plan (design: command line, `do`).
//!
//! One call for each object. What the lists show to be so already is a no-op; what the verb cannot be done to is refused
//! before any call. Whether an OpenVPN connector is suspended cannot be read, so that verb is always sent.

use super::{
    Mode, PlanOptions, Planning, Wants, base, changes, cost,
    fates::Fate,
    find,
    find::{Finder, Standing},
    fingerprint, kinds_to_read, nearest,
    problems::Problems,
    scope,
    types::{
        Action, Await, CallTemplate, Carried, Change, Operation, OperationId, Plan, Stage, TemplateText,
    },
};
use crate::{
    current::{CurrentState, Live},
    desired::DesiredState,
    problem::{Code, Problem},
    sorted_map::SortedMap,
};
use connexa_types::{Class, Endpoint, JsonPointer, Kind};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

/// What is done to objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Locks users out, or blocks connectors.
    Suspend,
    /// Takes a suspension back.
    Activate,
    /// Has users enrol their second factor again.
    ResetMfa,
    /// Mails an invitation again.
    ResendInvitation,
    /// Has users choose a new password.
    ForcePasswordChange,
    /// Starts an IPsec tunnel.
    IpsecStart,
    /// Stops an IPsec tunnel.
    IpsecStop,
    /// Takes profiles out of force.
    RevokeProfile,
    /// Has profiles made, for files.
    Profile,
    /// Takes the profile of a connector out of force, has a new one made, and waits until it is in use.
    RotateProfile,
}

/// A word that is no verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown action `{0}`")]
pub struct UnknownVerb(pub String);

impl Verb {
    /// Every verb.
    pub const ALL: &'static [Self] = &[
        Self::Suspend,
        Self::Activate,
        Self::ResetMfa,
        Self::ResendInvitation,
        Self::ForcePasswordChange,
        Self::IpsecStart,
        Self::IpsecStop,
        Self::RevokeProfile,
        Self::Profile,
        Self::RotateProfile,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Activate => "activate",
            Self::ResetMfa => "reset-mfa",
            Self::ResendInvitation => "resend-invitation",
            Self::ForcePasswordChange => "force-password-change",
            Self::IpsecStart => "ipsec-start",
            Self::IpsecStop => "ipsec-stop",
            Self::RevokeProfile => "revoke-profile",
            Self::Profile => "profile",
            Self::RotateProfile => "rotate-profile",
        }
    }

    /// The kinds of objects that it can be done to.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Suspend | Self::Activate => &[Kind::User, Kind::NetworkConnector, Kind::HostConnector],
            Self::ResetMfa | Self::ResendInvitation | Self::ForcePasswordChange => &[Kind::User],
            Self::IpsecStart | Self::IpsecStop => &[Kind::NetworkConnector],
            Self::RevokeProfile | Self::Profile => {
                &[Kind::NetworkConnector, Kind::HostConnector, Kind::Device]
            }
            Self::RotateProfile => &[Kind::NetworkConnector, Kind::HostConnector],
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = UnknownVerb;

    /// Reads a verb with `-` or `_`.
    fn from_str(word: &str) -> Result<Self, UnknownVerb> {
        let folded = word.trim().to_ascii_lowercase().replace('_', "-");
        let known = Self::ALL.iter().copied().find(|verb| verb.as_str() == folded);
        known.ok_or_else(|| UnknownVerb(word.to_owned()))
    }
}

/// In which form profiles are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProfileForm {
    /// The configuration itself.
    #[default]
    Ovpn,
    /// The token that installs a connector.
    Token,
    /// Where an installer for macOS can be had.
    Dmg,
    /// Where an installer for Windows can be had.
    Msi,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What is done.
    pub verb: Verb,
    /// The form of profiles.
    pub form: ProfileForm,
    /// The region that profiles of devices are for.
    pub region: Option<String>,
    /// How long a connector whose profile is rotated may take to come online again; `None`: that is not waited for.
    pub online_within: Option<Duration>,
}

/// Computes the calls of an action.
///
/// Pure and total, as [`super::plan()`] is; `desired` only says which objects are meant.
pub fn act(desired: &DesiredState, current: &CurrentState, act: &Act, options: &PlanOptions) -> Planning {
    let unread: Vec<Kind> =
        kinds_to_read(desired).into_iter().filter(|kind| current.kind(*kind).is_none()).collect();
    if !unread.is_empty() {
        return Planning::Wants(Wants { unread, ..Wants::default() });
    }
    let mut problems = Problems::new(desired, options.strict);
    super::check_kinds(desired, Mode::Update, &mut problems);
    let finder = find::find(desired, current, Mode::Create, &mut problems);
    let mut fates = Vec::with_capacity(desired.items.len());
    for index in 0..desired.items.len() {
        if !problems.refuses(index) {
            match finder.standing[index] {
                Standing::Live(live) => {
                    if let Some(problem) = refusal(live, act, options, &finder.key(index)) {
                        problems.push(index, problem);
                    }
                }
                Standing::New => {
                    let problem = not_there(&finder, index, &mut problems);
                    problems.push(index, problem);
                }
                Standing::Undecided => {}
            }
        }
        fates.push(if problems.refuses(index) { Fate::Invalid } else { Fate::Open });
    }
    if let Some(region) = act.region.as_deref()
        && fates.contains(&Fate::Open)
        && desired.items.iter().any(|item| item.kind == Ok(Kind::Device))
    {
        let Some(regions) = &current.regions else {
            return Planning::Wants(Wants { regions: true, ..Wants::default() });
        };
        if !regions.iter().any(|known| known == region) {
            let near = nearest::nearest(region, regions.iter().map(|r| (r.as_str(), r.as_str())));
            for (index, fate) in fates.iter_mut().enumerate().filter(|(_, fate)| **fate == Fate::Open) {
                let problem = Problem::new(Code::error(506), format!("there is no region `{region}`"));
                let problem = match near {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem,
                };
                problems.push(index, problem.path("region"));
                *fate = Fate::Invalid;
            }
        }
    }
    Planning::Ready(Box::new(assemble(&finder, &fates, problems, act, options)))
}

fn assemble<'a>(
    finder: &Finder<'a>,
    fates: &[Fate],
    problems: Problems<'a>,
    act: &Act,
    options: &PlanOptions,
) -> Plan {
    let errors = problems.errors_by_item();
    let acts = |index: usize| {
        let live = finder.standing[index].live().filter(|_| fates[index] == Fate::Open);
        live.is_some_and(|live| already(live, act.verb).is_none())
    };
    let wanted = wanted(finder, (0..fates.len()).map(acts).collect(), options);
    let mut planned = Vec::with_capacity(fates.len());
    let mut operations = Vec::new();
    for (index, fate) in fates.iter().enumerate().filter(|(index, _)| wanted[*index]) {
        let errors = errors.get(&index).map_or(&[][..], Vec::as_slice);
        let mut change = changes::change(finder, index, Mode::Create, None, *fate, errors);
        change.fields = SortedMap::new();
        change.notice = None;
        change.action = Action::Do;
        change.verb = Some(act.verb.as_str().to_owned());
        // It hangs on nothing: its parent has no change in this plan.
        change.parent = None;
        if let (Fate::Open, Some(live)) = (fate, finder.standing[index].live()) {
            if let Some(note) = already(live, act.verb) {
                change.action = Action::NoOp;
                change.object = Some(live.object.clone());
                change.note = Some(note.to_owned());
            } else {
                tell(&mut change, live, act);
                if act.verb == Verb::RotateProfile {
                    rotation(&mut operations, planned.len(), live, act);
                } else {
                    let first = OperationId(format!("op-{}", operations.len() + 1));
                    operations.push(operation(first, planned.len(), live, act));
                }
            }
        }
        planned.push(change);
    }
    drop(errors);
    let tenant = finder.current.tenant.clone();
    let fingerprint = fingerprint::fingerprint(finder, &tenant, &planned, &operations, &[]);
    let updates = operations.iter().filter(|operation| operation.class() == Class::Update).count();
    let updates = u64::try_from(updates).unwrap_or(u64::MAX);
    Plan {
        format: Plan::FORMAT,
        tenant,
        command: options.command.clone(),
        base: base(finder.current, options.read_at),
        cost: cost::cost(&planned, options.reads, updates, &options.quota),
        changes: planned,
        operations,
        barriers: Vec::new(),
        warnings: finder.desired.notes.clone(),
        problems: problems.warnings(),
        fingerprint,
        delivery: None,
        referrers: Vec::new(),
    }
}

/// Items of which each stands for itself, as a scope sees them.
struct Single<'f, 'a> {
    finder: &'f Finder<'a>,
    acts: Vec<bool>,
}

impl scope::Scoped for Single<'_, '_> {
    fn count(&self) -> usize {
        self.acts.len()
    }

    fn named(&self, index: usize) -> Option<(Kind, String)> {
        Some((*self.finder.item(index).kind.as_ref().ok()?, self.finder.key(index)))
    }

    fn acts(&self, index: usize) -> bool {
        self.acts[index]
    }

    fn needs(&self, _: usize) -> Vec<usize> {
        Vec::new()
    }
}

/// Which items are wanted (`--only`, `--exclude`, `--limit`), where none needs another.
pub(super) fn wanted(finder: &Finder<'_>, acts: Vec<bool>, options: &PlanOptions) -> Vec<bool> {
    options.scope.wanted(&Single { finder, acts })
}

/// Why the action cannot be done to an object.
fn refusal(live: &Live, act: &Act, options: &PlanOptions, key: &str) -> Option<Problem> {
    let words = find::words(live.kind);
    let is_ipsec = is_ipsec(live);
    if !act.verb.kinds().contains(&live.kind) {
        return Some(Problem::new(Code::error(8), format!("`{}` is not for a {words}", act.verb)));
    }
    if scope::selects(&options.protect, live.kind, key) {
        return Some(Problem::new(Code::error(505), format!("`protect` keeps the {words} `{key}` as it is")));
    }
    let message = match act.verb {
        Verb::Suspend if super::body::is_owner(live) => "the owner cannot be suspended",
        Verb::IpsecStart | Verb::IpsecStop if !is_ipsec => "it is no IPsec connector",
        Verb::Profile | Verb::RevokeProfile | Verb::RotateProfile if is_ipsec => {
            "an IPsec connector has no profile"
        }
        Verb::Profile if live.kind == Kind::Device && act.region.is_none() => {
            "the profile of a device is for one region, and none is given"
        }
        Verb::Profile if live.kind == Kind::Device && act.form != ProfileForm::Ovpn => {
            "a device has its profile in one form only, ovpn"
        }
        _ => return None,
    };
    Some(Problem::new(Code::error(505), message))
}

fn is_ipsec(live: &Live) -> bool {
    live.kind == Kind::NetworkConnector
        && (live.object.get("ipSecConfig").is_some_and(Value::is_object)
            || text(live, "tunnelingProtocol") == "IPSEC")
}

fn text<'a>(live: &'a Live, field: &str) -> &'a str {
    live.object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What a name that nothing has is told.
fn not_there(finder: &Finder<'_>, index: usize, problems: &mut Problems<'_>) -> Problem {
    let words = finder.kind(index).map_or_else(|| "object".to_owned(), find::words);
    let problem = Problem::new(Code::error(501), format!("there is no {words} `{}`", finder.key(index)));
    let (Some(kind), Some(key)) = (finder.kind(index), &finder.item(index).key) else { return problem };
    let objects = finder.current.kind(kind).map_or(&[][..], |live| &live.objects);
    if !problems.may_compare(objects.len()) {
        return problem;
    }
    // Of children only those of the same parent can have been meant.
    let near = objects.iter().filter(|live| live.key.comparable().0 == key.comparable().0);
    let near = nearest::nearest(
        key.comparable().1,
        near.map(|live| (live.key.own.canonical.as_str(), live.key.own.text.as_str())),
    );
    match near {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// Whether a list shows that all is so already, in words.
fn already(live: &Live, verb: Verb) -> Option<&'static str> {
    let state = |live: &Live| {
        let config = live.object.get("ipSecConfig")?;
        config.get("connectorState")?.as_str().map(str::to_owned)
    };
    match verb {
        Verb::Suspend if live.kind == Kind::User => {
            matches!(text(live, "status"), "SUSPENDED" | "SUSPENDED_IDP").then_some("already suspended")
        }
        Verb::Activate if live.kind == Kind::User => {
            (text(live, "status") == "ACTIVE").then_some("already active")
        }
        Verb::IpsecStart => (state(live).as_deref() == Some("ACTIVE")).then_some("already started"),
        Verb::IpsecStop => (state(live).as_deref() == Some("SUSPENDED")).then_some("already stopped"),
        Verb::Suspend
        | Verb::Activate
        | Verb::ResetMfa
        | Verb::ResendInvitation
        | Verb::ForcePasswordChange
        | Verb::RevokeProfile
        | Verb::Profile
        | Verb::RotateProfile => None,
    }
}

/// What people will notice, and what cannot be taken back.
fn tell(change: &mut Change, live: &Live, act: &Act) {
    let mail = text(live, "email");
    let (notice, irreversible) = match (act.verb, live.kind) {
        (Verb::Suspend, Kind::User) => {
            (Some("the user can no longer connect, until `activate`".to_owned()), None)
        }
        (Verb::Suspend, _) => (
            Some("the connector goes dark, until `activate`".to_owned()),
            Some("how it was before cannot be read; its opposite is `activate`"),
        ),
        (Verb::Activate, Kind::User) => (Some("the user can connect again".to_owned()), None),
        (Verb::Activate, _) => (
            Some("the connector may connect again".to_owned()),
            Some("how it was before cannot be read; its opposite is `suspend`"),
        ),
        (Verb::ResetMfa, _) => (
            Some("the user enrols a second factor again at the next login".to_owned()),
            Some("the old second factor is gone"),
        ),
        (Verb::ResendInvitation, _) if mail.is_empty() => (None, Some("a mail cannot be called back")),
        (Verb::ResendInvitation, _) => {
            (Some(format!("an invitation is mailed to {mail}")), Some("a mail cannot be called back"))
        }
        (Verb::ForcePasswordChange, _) => (
            Some("the user's sessions end, and a new password is asked for at the next login".to_owned()),
            Some("the old password is gone"),
        ),
        (Verb::IpsecStart, _) => (Some("the tunnel comes up".to_owned()), None),
        (Verb::IpsecStop, _) => (Some("the tunnel goes down, until `ipsec-start`".to_owned()), None),
        (Verb::RevokeProfile, Kind::Device) => (
            Some("the device can no longer connect with its profile".to_owned()),
            Some("a revoked profile stays so; `profile` makes a new one"),
        ),
        (Verb::RevokeProfile, _) => (
            Some("the connector goes dark, until it has a new profile".to_owned()),
            Some("a revoked profile stays so; `profile` makes a new one"),
        ),
        (Verb::RotateProfile, _) => (
            Some("connectors go dark until the new profile reaches them".to_owned()),
            Some("a revoked profile stays so"),
        ),
        (Verb::Profile, _) => (None, Some("a profile that was given out stays so, until `revoke-profile`")),
    };
    change.notice = notice;
    change.irreversible = irreversible.map(str::to_owned);
}

fn operation(id: OperationId, change: usize, live: &Live, act: &Act) -> Operation {
    let mut query = Vec::new();
    let mut add = |name: &str, value: &str| {
        query.push((name.to_owned(), TemplateText::Text(value.to_owned())));
    };
    if live.kind == Kind::Device {
        add("userId", live.parent.as_ref().map_or("", |id| id.as_str()));
        if let (Verb::Profile, Some(region)) = (act.verb, &act.region) {
            add("regionId", region);
        }
    }
    match (act.verb, act.form) {
        (Verb::Profile, ProfileForm::Dmg) => add("type", "DMG"),
        (Verb::Profile, ProfileForm::Msi) => add("type", "MSI"),
        _ => {}
    }
    Operation {
        id,
        call: CallTemplate {
            endpoint: endpoint(live.kind, act),
            // A list is read as a whole.
            path_args: match act.verb {
                Verb::RotateProfile => Vec::new(),
                _ => vec![TemplateText::Text(live.id.to_string())],
            },
            query,
            body: None,
            outputs: BTreeMap::new(),
            secrets: BTreeMap::new(),
        },
        carries: vec![Carried { change, at: JsonPointer::default() }],
        needs: Vec::new(),
        after: Vec::new(),
        kind: live.kind,
        cleared: Vec::new(),
        unit: None,
        base: vec![live.clone()],
        stage: None,
    }
}

/// The stages of a rotation: the old profile is revoked, the new one fetched, and the connector waited for.
fn rotation(operations: &mut Vec<Operation>, change: usize, live: &Live, act: &Act) {
    let mut stage = |verb, stage| {
        let id = OperationId(format!("op-{}", operations.len() + 1));
        let mut operation = operation(id, change, live, &Act { verb, ..act.clone() });
        if stage != Stage::Begin {
            operation.needs.push(operations.len() - 1);
            // What it rests on was looked at before the first stage, which has changed it.
            operation.base.clear();
        }
        operation.stage = Some(stage);
        operations.push(operation);
    };
    stage(Verb::RevokeProfile, Stage::Begin);
    stage(Verb::Profile, Stage::Fetch);
    if let Some(within) = act.online_within {
        let online = Await {
            at: JsonPointer::new("/connectionStatus"),
            values: ["ONLINE", "ONLINE_WITH_ISSUES"].map(str::to_owned).to_vec(),
            within,
        };
        stage(Verb::RotateProfile, Stage::Await(online));
    }
}

/// The call of an action on an object of a kind that [`Verb::kinds`] names.
fn endpoint(kind: Kind, act: &Act) -> Endpoint {
    let host = kind == Kind::HostConnector;
    let of = |network, on_host| if host { on_host } else { network };
    match act.verb {
        Verb::Suspend if kind == Kind::User => Endpoint::UserSuspend,
        Verb::Suspend => of(Endpoint::NetworkConnectorSuspend, Endpoint::HostConnectorSuspend),
        Verb::Activate if kind == Kind::User => Endpoint::UserActivate,
        Verb::Activate => of(Endpoint::NetworkConnectorActivate, Endpoint::HostConnectorActivate),
        Verb::ResetMfa => Endpoint::UserResetMfa,
        Verb::ResendInvitation => Endpoint::UserResendInvitation,
        Verb::ForcePasswordChange => Endpoint::UserForcePasswordChange,
        Verb::IpsecStart => Endpoint::NetworkConnectorIpsecStart,
        Verb::IpsecStop => Endpoint::NetworkConnectorIpsecStop,
        Verb::RevokeProfile if kind == Kind::Device => Endpoint::DeviceProfileRevoke,
        Verb::RevokeProfile => {
            of(Endpoint::NetworkConnectorProfileRevoke, Endpoint::HostConnectorProfileRevoke)
        }
        // Its last stage: the list that shows the connector.
        Verb::RotateProfile => of(Endpoint::NetworkList, Endpoint::HostList),
        Verb::Profile if kind == Kind::Device => Endpoint::DeviceProfile,
        Verb::Profile => match act.form {
            ProfileForm::Ovpn => of(Endpoint::NetworkConnectorProfile, Endpoint::HostConnectorProfile),
            ProfileForm::Token => {
                of(Endpoint::NetworkConnectorProfileEncrypt, Endpoint::HostConnectorProfileEncrypt)
            }
            ProfileForm::Dmg | ProfileForm::Msi => {
                of(Endpoint::NetworkConnectorProfileBundle, Endpoint::HostConnectorProfileBundle)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(verb: Verb, form: ProfileForm) -> Act {
        Act { verb, form, region: None, online_within: None }
    }

    #[test]
    fn verbs_are_read_in_both_spellings() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(*verb));
            assert_eq!(verb.as_str().replace('-', "_").parse(), Ok(*verb));
        }
        assert!("restart".parse::<Verb>().is_err());
    }

    #[test]
    fn each_verb_has_a_call_with_all_that_its_path_needs() {
        for verb in Verb::ALL {
            // A rotation is made of the calls of others.
            for kind in verb.kinds().iter().filter(|_| *verb != Verb::RotateProfile) {
                for form in [ProfileForm::Ovpn, ProfileForm::Token, ProfileForm::Dmg, ProfileForm::Msi] {
                    let endpoint = endpoint(*kind, &act(*verb, form));
                    let path = endpoint.info().path;
                    assert_eq!(path.matches('{').count(), 1, "{path}");
                    let family = match kind {
                        Kind::User => "/users/",
                        Kind::Device => "/devices/",
                        Kind::HostConnector => "/hosts/connectors/",
                        _ => "/networks/connectors/",
                    };
                    assert!(path.starts_with(family), "{path}");
                }
            }
        }
    }
}
