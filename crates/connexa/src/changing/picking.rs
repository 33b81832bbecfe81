//! What the command line picks: names, globs, `--where`, and the fields that `--set` and its like give to all of them.

use super::planning::unreachable;
use crate::{
    failure::Failure,
    screen::Screen,
    session::{Session, planning::Looking},
    views::text::{Text, Tone},
};
use connexa_engine::{
    desired::{DesiredState, Item},
    plan::Wants,
    select::{Expression, ParseError},
    selection::{Assignment, Overlay, Picked, Selection},
};
use connexa_types::{Kind, SealingKey};
use std::collections::{BTreeSet, HashSet};

/// What the command line picks of one kind.
pub(crate) struct Picks {
    /// The kind.
    pub(crate) kind: Kind,
    /// Which objects.
    pub(crate) selection: Selection,
    /// A second kind that the names may mean as well.
    pub(crate) or: Option<(Kind, Selection)>,
    /// Fields for them, and for the items of files.
    pub(crate) flags: Vec<Assignment>,
}

impl Picks {
    /// Reads the fields; nothing is known of the tenant yet.
    pub(crate) fn overlay(&self, key: &SealingKey) -> Result<Overlay, Failure> {
        let overlay = Overlay::read(self.kind, &self.flags, &|field, value| key.seal(field, value));
        overlay.map_err(|error| {
            let failure = Failure::usage(error.to_string());
            match error.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    }

    /// Adds what is picked to the items of the files, and gives all of them their fields.
    pub(crate) async fn pick(
        &self,
        overlay: &Overlay,
        desired: &mut DesiredState,
        looking: &mut Looking<'_>,
        session: &Session,
        key: &SealingKey,
        screen: &Screen,
    ) -> Result<(), Failure> {
        let mut lists: BTreeSet<Kind> = self.selection.lists().into_iter().collect();
        lists.extend(self.or.iter().flat_map(|(_, selection)| selection.lists()));
        lists.extend(overlay.lists(self.kind));
        let unread = lists.into_iter().filter(|kind| looking.current.kind(*kind).is_none()).collect();
        let wants = Wants { unread, ..Wants::default() };
        looking.read(wants).await.map_err(|error| unreachable(session, &error))?;

        let pick = |selection: &Selection, desired: &DesiredState| {
            selection
                .pick(&looking.current, desired)
                .map_err(|error| Failure::usage("`--where` cannot be worked out").because(&error))
        };
        let mut picked = pick(&self.selection, desired)?;
        let mut words = self.kind.singular().replace('_', " ");
        if let Some((kind, selection)) = &self.or {
            words = format!("{words} or {}", kind.singular().replace('_', " "));
            picked = either(picked, pick(selection, desired)?);
            if !desired.kinds.contains(kind) {
                desired.kinds.push(*kind);
            }
        }
        for glob in &picked.unmatched {
            let warning = format_args!("no {words} matches `{glob}`");
            screen.complain(&Text::titled(Tone::Warning, "warning", warning));
        }
        desired.items.extend(picked.items);
        if !desired.kinds.contains(&self.kind) {
            desired.kinds.push(self.kind);
        }
        if overlay.sets_key(self.kind) && desired.items.len() > 1 {
            let message =
                format!("the name can be set of one object only, and {} are picked", desired.items.len());
            return Err(Failure::usage(message));
        }
        let seal = |field: &str, value: &str| key.seal(field, value);
        overlay.apply(self.kind, desired, &looking.current, &seal);
        Ok(())
    }
}

/// What was picked of two kinds by the same names: a name that one of them has is not missing in the other.
fn either(one: Picked, other: Picked) -> Picked {
    let is_found = |item: &Item| item.id.is_some() && item.key.is_some();
    let (found, _): (Vec<Item>, Vec<Item>) = other.items.into_iter().partition(is_found);
    let given: HashSet<String> = found.iter().map(|item| item.given.to_string()).collect();
    let missing_in_both = |item: &Item| is_found(item) || !given.contains(&item.given.to_string());
    let mut items: Vec<Item> = one.items.into_iter().filter(missing_in_both).chain(found).collect();
    for (index, item) in (0..).zip(&mut items) {
        item.source.index = index;
    }
    let unmatched = one.unmatched.into_iter().filter(|glob| other.unmatched.contains(glob));
    Picked { items, unmatched: unmatched.collect() }
}

/// Reads an expression for a kind.
pub(crate) fn expression(flag: &str, text: &str, kind: Kind) -> Result<Expression, Failure> {
    let read = Expression::parse(text).and_then(|expression| expression.of_kind(kind));
    read.map_err(|error| bad_expression(flag, &error))
}

/// What is wrong with an expression, and where.
pub(crate) fn bad_expression(flag: &str, error: &ParseError) -> Failure {
    let place = match error.at {
        Some((1, column)) => format!(", at column {column}"),
        Some((line, column)) => format!(", at line {line}, column {column}"),
        None => String::new(),
    };
    let failure = Failure::usage(format!("`{flag}`: {error}{place}"));
    match &error.hint {
        Some(hint) => failure.hint(hint),
        None => failure.hint("the language is CEL: `name.startsWith(\"paris-\") && !egress`"),
    }
}
