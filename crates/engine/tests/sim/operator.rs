//! The second operator: somebody else who adds, edits and deletes on the same tenant, and a ledger of that.

use super::service::State;
use connexa_types::{Call, CallBody, Method, Mono};
use serde_json::{Value, json};

/// What somebody else did.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub at: Mono,
    pub what: Did,
    /// The object.
    pub id: String,
    /// Its list.
    pub list: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Did {
    AddedEqual,
    AddedDifferent,
    AddedChild,
    Edited,
    Deleted,
}

/// How likely each deed is at each request that arrives, in percent, and how many there are in all.
#[derive(Clone, Debug)]
pub struct Operator {
    pub odds: Vec<(u8, Did)>,
    pub left: usize,
    pub random: fastrand::Rng,
}

impl Operator {
    pub fn acts(&mut self, state: &mut State, now: Mono, call: &Call) {
        let strikes = |random: &mut fastrand::Rng, percent: u8| random.u8(0..100) < percent;
        let Some((_, did)) =
            self.odds.iter().copied().find(|(percent, _)| strikes(&mut self.random, *percent))
        else {
            return;
        };
        if self.left > 0 && Self::does(did, state, &mut self.random, now, call).is_some() {
            self.left -= 1;
        }
    }

    /// Does it, if it can be done now.
    pub fn does(
        did: Did,
        state: &mut State,
        random: &mut fastrand::Rng,
        now: Mono,
        call: &Call,
    ) -> Option<()> {
        let list = call.endpoint.info().path.split('/').nth(1)?;
        let number = state.numbers + 1;
        let id = format!("other-{number}");
        let note = |state: &mut State, id: String| {
            state.foreign.push(Foreign { at: now, what: did, id, list });
        };
        match did {
            Did::AddedEqual | Did::AddedDifferent => {
                let is_create = call.method() == Method::Post && call.path_args.is_empty();
                let Some(CallBody::Json(body)) =
                    call.body.as_ref().filter(|_| is_create && call.query.is_empty())
                else {
                    return None;
                };
                let taken =
                    state.objects.get(list).is_some_and(|o| o.iter().any(|o| o["name"] == body["name"]));
                if state.unique && taken || body.get("name").is_none() {
                    return None;
                }
                let mut object = body.clone();
                for name in super::service::CHILD_LISTS {
                    for (place, child) in
                        object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().enumerate()
                    {
                        child["id"] = json!(format!("{id}-{name}-{place}"));
                        if let Some(value) =
                            child.as_object_mut().and_then(|child| child.shift_remove("value"))
                        {
                            child["subnet"] = value;
                        }
                    }
                }
                object["id"] = json!(id);
                if did == Did::AddedDifferent {
                    object["description"] = json!("of another");
                }
                state.numbers = number;
                state.objects.entry(list).or_default().push(object);
                note(state, id);
            }
            Did::AddedChild => {
                let networks = state.objects.get_mut("networks").filter(|networks| !networks.is_empty())?;
                let network = random.usize(0..networks.len());
                if !networks[network]["routes"].is_array() {
                    networks[network]["routes"] = json!([]);
                }
                let child = json!({ "id": id, "subnet": format!("172.16.{}.0/24", number % 256) });
                networks[network]["routes"].as_array_mut()?.push(child);
                state.numbers = number;
                note(state, id);
            }
            // Of the others that are not a part of anything that a plan looks at.
            Did::Edited if !matches!(list, "hosts" | "networks") => return None,
            Did::Edited => {
                let objects = state.objects.get_mut(list).filter(|objects| !objects.is_empty())?;
                let place = random.usize(0..objects.len());
                let object = &mut objects[place];
                object["description"] = json!(format!("edited {number}"));
                let id = object["id"].as_str()?.to_owned();
                state.numbers = number;
                note(state, id);
            }
            Did::Deleted => {
                let objects = state.objects.get_mut(list).filter(|objects| !objects.is_empty())?;
                let at = random.usize(0..objects.len());
                let id = objects.remove(at)["id"].as_str()?.to_owned();
                note(state, id);
            }
        }
        Some(())
    }
}
