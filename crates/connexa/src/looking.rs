//! Looking at the tenant: what `get` and `export` have in common. Nothing here can change anything.

use crate::{
    changing::planning::{self, OnScreen},
    cli::Global,
    exit::Exit,
    failure::Failure,
    screen::Screen,
    session::{self, Session},
    settings::{self, Target, Variables},
    wiring::{self, SessionOptions, secrets::HostSecrets, signals::Signals, state_dir::StateDir},
};
use connexa_engine::{current::CurrentState, export, read::ReadOptions};
use connexa_types::{Answer, Call, Kind, Timestamp};
use std::{collections::HashMap, path::PathBuf};

/// How much is to be known of what objects refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum References {
    /// Names, which cost the lists of what is named.
    Names,
    /// Nothing.
    Nothing,
}

/// A tenant to look at.
pub(crate) struct Tenant<'a> {
    session: Session,
    secrets: HostSecrets,
    signals: Signals,
    screen: &'a Screen,
}

impl<'a> Tenant<'a> {
    /// Sets everything up; nothing is sent yet.
    pub(crate) fn open(
        global: &Global,
        variables: Variables<'_>,
        screen: &'a Screen,
    ) -> Result<Self, Failure> {
        let target = Target::resolve(global, variables)?;
        let state = StateDir::open(&settings::state_dir(global, variables)?)?;
        let key = state.sealing_key()?;
        let signals = Signals::catch();
        let options =
            SessionOptions { target: &target, state: &state, key: key.clone(), max_rate: None, screen };
        let session = wiring::open(options)?;
        let secrets = HostSecrets::new(key, PathBuf::new(), HashMap::new()).hiding(target.secret_variables());
        Ok(Self { session, secrets, signals, screen })
    }

    /// The clock of the session.
    pub(crate) fn now(&self) -> Timestamp {
        self.session.now().wall
    }

    /// Reads the objects of these kinds, these settings, and as much as is wanted of what they refer to.
    pub(crate) async fn read(
        &mut self,
        kinds: &[Kind],
        settings: &[&'static str],
        references: References,
    ) -> Result<CurrentState, Failure> {
        let mut lists = export::own_lists(kinds.iter().copied());
        let mut settings = settings.to_vec();
        let mut current = CurrentState::new(self.session.tenant().clone());
        while !lists.is_empty() || !settings.is_empty() {
            let options = ReadOptions {
                lists: lists.into_iter().collect(),
                settings: std::mem::take(&mut settings),
                settings_may_lack: true,
                ..ReadOptions::default()
            };
            let session = &self.session;
            let watch = OnScreen { screen: self.screen, session };
            let ports = session.ports(&self.secrets);
            let read = async {
                let read = session::planning::read(session, ports, options, Some(current), &watch).await;
                read.map_err(|error| planning::unreachable(session, &error))
            };
            current = planning::unless_stopped(&mut self.signals, read).await?.state;
            // Lists that only give names are read where there is something to name.
            lists = match references {
                References::Names => export::referred(&current, kinds.iter().copied()),
                References::Nothing => break,
            };
        }
        Ok(current)
    }

    /// Makes one call that the engine has no list for.
    pub(crate) async fn fetch(&mut self, call: &Call) -> Result<Answer, Failure> {
        let fetch = async {
            let fetched = self.session.fetch(call).await;
            let message = || format!("cannot read the tenant {}", self.session.tenant());
            fetched.map_err(|error| Failure::new(Exit::Unreachable, message()).because(&error))
        };
        planning::unless_stopped(&mut self.signals, fetch).await
    }

    /// Ends what runs beside.
    pub(crate) async fn close(self) {
        self.session.close().await;
    }
}
