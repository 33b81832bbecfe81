//! `connexa runs`: the runs on a tenant, newest first.

use crate::{
    cli::{Global, Output, Runs},
    exit::Exit,
    failure::Failure,
    past::Past,
    screen::Screen,
    settings::{self, Variables},
    views::{json, runs},
};
use std::num::NonZeroUsize;

/// Lists them.
pub(crate) async fn run(
    arguments: &Runs,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let has = [Output::Text, Output::Json, Output::Jsonl, Output::Csv, Output::Name];
    let output = settings::output(global, &has)?;
    let past = Past::open(global, variables)?;
    let heads = past.heads(arguments.limit.map_or(usize::MAX, NonZeroUsize::get)).await?;
    match output {
        Output::Json => screen.json(&runs::document(&heads)),
        Output::Jsonl => {
            screen
                .document(&heads.iter().map(|head| json::line(&runs::line(head)) + "\n").collect::<String>());
        }
        Output::Csv => screen.document(&runs::csv(&heads)),
        Output::Name => {
            screen.document(&heads.iter().map(|head| head.id.0.clone() + "\n").collect::<String>());
        }
        _ => screen.result(&runs::text(&heads)),
    }
    Ok(Exit::Complete)
}
