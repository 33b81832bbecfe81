//! Connectors that come online: what a tenant's own machines do once a profile has reached them.
//!
//! Nobody is there by default: a connector stays as the control sets it. With a delay, one that a profile or token was
//! given out for is online that much later, unless it was revoked meanwhile.

use super::Emulator;
use connexa_types::{Endpoint, Kind, Mono, Now};
use std::{collections::BTreeMap, time::Duration};

/// Connectors that are about to connect.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// How long after a profile was given out its connector is online; `None`: never.
    after: Option<Duration>,
    /// By when, and by the order in which their profiles were given out.
    coming: BTreeMap<(Mono, u64), (Kind, String)>,
    number: u64,
}

impl Connections {
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.coming.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn forget(&mut self) {
        self.coming.clear();
    }
}

impl Emulator {
    /// From now on a connector is online so long after a profile or token was given out for it; `None`: it stays as it is.
    pub fn connect_after(&mut self, after: Option<Duration>) {
        self.connections.after = after;
        self.connections.forget();
    }

    /// Takes note of a call that was carried out.
    pub(super) fn note_connection(&mut self, endpoint: Endpoint, parameters: &[String], now: Now) {
        let (kind, is_given) = match endpoint {
            Endpoint::NetworkConnectorProfile | Endpoint::NetworkConnectorProfileEncrypt => {
                (Kind::NetworkConnector, true)
            }
            Endpoint::NetworkConnectorProfileRevoke => (Kind::NetworkConnector, false),
            Endpoint::HostConnectorProfile | Endpoint::HostConnectorProfileEncrypt => {
                (Kind::HostConnector, true)
            }
            Endpoint::HostConnectorProfileRevoke => (Kind::HostConnector, false),
            _ => return,
        };
        let Some(id) = parameters.first() else { return };
        let connections = &mut self.connections;
        if !is_given {
            connections.coming.retain(|_, (_, coming)| coming != id);
        } else if let Some(after) = connections.after {
            connections.number += 1;
            connections.coming.insert((now.mono + after, connections.number), (kind, id.clone()));
        }
    }

    /// Has those connect whose time has come.
    pub(super) fn connect(&mut self, now: Now) {
        while let Some(first) =
            self.connections.coming.first_entry().filter(|first| first.key().0 <= now.mono)
        {
            let (kind, id) = first.remove();
            // One that was deleted meanwhile does not.
            self.set_connection_status(kind, &id, "ONLINE");
        }
    }
}
