//! `connexa resume`, `connexa retry`, `connexa undo`: a run is taken up again.

use crate::{
    changing::again,
    cli::{Again, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::run::Goal;

/// Takes it up.
pub(crate) async fn run(
    goal: Goal,
    arguments: &Again,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    Box::pin(again::go(goal, arguments, global, variables, screen)).await
}
