//! Spec, plan and run: the batch engine of connexa, without I/O.
//!
//! One command is: read the [spec] into a [`DesiredState`](desired::DesiredState), [read] the tenant's
//! [`CurrentState`](current::CurrentState), compare both into a [`Plan`](plan::Plan) (a pure function), and carry it out
//! with the [`run`] machine. [Machines](machine) decide and never wait; one [driver](drive) gives them time, permits, a
//! journal and a provider through the [ports]. The engine knows neither HTTP nor the terminal nor the environment.

pub mod against;
pub mod catalog;
pub mod current;
pub mod desired;
pub mod drive;
pub mod export;
mod forms;
pub mod journal;
pub mod key;
pub mod machine;
pub mod pacer;
pub mod plan;
pub mod ports;
pub mod problem;
pub mod quota;
pub mod read;
pub mod record;
pub mod report;
pub mod retry;
pub mod run;
pub mod select;
pub mod selection;
pub mod shared_json;
pub mod sorted_map;
pub mod spec;
mod undo;
pub mod verify;
