//! Circles among items: needs that no order can meet (E303), and barriers that they make void (W305), as far as the spec
//! alone tells (spec section 7.1). The planner looks again when it knows what is there.

use crate::{
    desired::{Dependency, Item, Parent, Reference, Target},
    plan::order::{self, Needs},
    problem::{Code, Place, Problem},
};
use connexa_types::Kind;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Items by what references call them: `None` for a name of several.
struct Index<'a> {
    by_key: HashMap<(Kind, Option<&'a str>, &'a str), Option<usize>>,
    by_id: HashMap<(Kind, &'a str), usize>,
}

impl<'a> Index<'a> {
    fn new(items: &[&'a Item]) -> Self {
        let mut index = Self { by_key: HashMap::new(), by_id: HashMap::new() };
        for (at, item) in items.iter().enumerate() {
            let Ok(kind) = item.kind else { continue };
            if let Some(key) = &item.key {
                let (parent, own) = key.comparable();
                index.by_key.entry((kind, parent, own)).and_modify(|known| *known = None).or_insert(Some(at));
            }
            if let Some(id) = &item.id {
                index.by_id.entry((kind, id.as_str())).or_insert(at);
            }
        }
        index
    }

    fn find(&self, reference: &Reference, items: &[&'a Item]) -> Option<usize> {
        match &reference.target {
            Target::Id(id) | Target::Unchecked(id) => self.by_id.get(&(reference.kind, id.as_str())).copied(),
            Target::Key(key) => {
                let parent = match reference.within.as_deref() {
                    None => None,
                    Some(within) => match &within.target {
                        Target::Key(key) => Some(key.own.canonical.as_str()),
                        Target::Id(_) | Target::Unchecked(_) => {
                            let holder = self.find(within, items)?;
                            Some(items[holder].key.as_ref()?.own.canonical.as_str())
                        }
                    },
                };
                self.by_key.get(&(reference.kind, parent, key.own.canonical.as_str())).copied().flatten()
            }
        }
    }
}

/// What each item needs, by the way in which the spec says so.
struct Graph {
    parents: Needs,
    references: Needs,
    depends_on: Needs,
    /// The node of each item: itself, or the first member of its unit.
    nodes: Vec<usize>,
}

impl Graph {
    fn new(items: &[&Item]) -> Self {
        let index = Index::new(items);
        let mut graph = Self {
            parents: vec![Vec::new(); items.len()],
            references: vec![Vec::new(); items.len()],
            depends_on: items.iter().map(|item| item.depends_on.clone()).collect(),
            nodes: Vec::with_capacity(items.len()),
        };
        let mut units: HashMap<&Arc<str>, usize> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            let node = item.unit.as_ref().map_or(at, |unit| *units.entry(unit).or_insert(at));
            graph.nodes.push(node);
            if let Some(Parent::Item(parent)) = item.parent {
                graph.parents[at].push(parent);
            }
            for value in item.fields.values() {
                value.for_each_reference(&mut |reference| {
                    graph.references[at].extend(index.find(reference, items));
                });
            }
        }
        graph
    }

    /// Edges of all ways, between items.
    fn all(&self) -> Needs {
        let mut needs: Needs = (0..self.nodes.len())
            .map(|at| {
                [&self.parents[at], &self.references[at], &self.depends_on[at]]
                    .into_iter()
                    .flatten()
                    .copied()
                    .collect()
            })
            .collect();
        tidy(&mut needs);
        needs
    }

    /// The edges between nodes: units are one, what their members need of each other is left out.
    fn contracted(&self, needs: &Needs) -> Needs {
        let mut contracted: Needs = vec![Vec::new(); needs.len()];
        for (at, needed) in needs.iter().enumerate() {
            let node = self.nodes[at];
            contracted[node].extend(needed.iter().map(|n| self.nodes[*n]).filter(|n| *n != node));
        }
        tidy(&mut contracted);
        contracted
    }

    fn has_units(&self) -> bool {
        self.nodes.iter().enumerate().any(|(at, node)| at != *node)
    }
}

fn tidy(needs: &mut Needs) {
    for list in needs {
        list.sort_unstable();
        list.dedup();
    }
}

/// A circle, as a problem of its first item, at the field that the path names.
pub(super) struct Circle {
    pub(super) item: usize,
    /// The members of the knot: in a batch each of them is an invalid item.
    pub(super) knot: Vec<usize>,
    pub(super) problem: Problem,
}

/// Circles that nothing live can undo: those that `depends_on` or a unit has a part in.
///
/// Items that only refer to each other may all be there already, as gateways of each other: then nothing waits.
pub(super) fn certain(items: &[&Item]) -> Vec<Circle> {
    if items.iter().all(|item| item.depends_on.is_empty() && item.unit.is_none()) {
        return Vec::new();
    }
    let graph = Graph::new(items);
    let needs = graph.all();
    let mut circles = Vec::new();
    let mut known = BTreeSet::new();
    for (way, knot) in order::cycles(&needs) {
        known.extend(knot.iter().copied());
        if is_certain(&graph, &knot) {
            circles.push(circle(items, &graph, &way, knot));
        }
    }
    if graph.has_units() {
        let contracted = graph.contracted(&needs);
        for (way, knot) in order::cycles(&contracted) {
            let members: Vec<usize> =
                (0..items.len()).filter(|at| knot.binary_search(&graph.nodes[*at]).is_ok()).collect();
            // What goes in a circle without units has been told, or is no certain one.
            if members.len() > knot.len() && members.iter().all(|at| !known.contains(at)) {
                circles.push(circle_of_units(items, &graph, &needs, &way, members));
            }
        }
    }
    circles
}

/// Whether `depends_on` has a part in a knot.
fn is_certain(graph: &Graph, knot: &[usize]) -> bool {
    knot.iter().any(|at| graph.depends_on[*at].iter().any(|needed| knot.binary_search(needed).is_ok()))
}

fn circle(items: &[&Item], graph: &Graph, way: &[usize], knot: Vec<usize>) -> Circle {
    let next = |step: usize| way[(step + 1) % way.len()];
    let words: Vec<String> = way.iter().chain(way.first()).map(|at| words(items[*at])).collect();
    let mut problem = Problem::new(Code::error(303), format!("items need each other: {}", words.join(" → ")));
    // At what the writer can mend: `depends_on` before a reference.
    let step = (0..way.len()).find(|step| graph.depends_on[way[*step]].contains(&next(*step)));
    let (item, place, path) = match step {
        Some(step) => {
            let item = way[step];
            (item, items[item].place.clone(), "depends_on".to_owned())
        }
        None => at_reference(items, graph, way),
    };
    problem = problem.at(&place).path(path).hint("remove one of them");
    Circle { item, knot, problem }
}

/// The item, place and path of the first reference on the way.
fn at_reference(items: &[&Item], graph: &Graph, way: &[usize]) -> (usize, Place, String) {
    let index = Index::new(items);
    let found = (0..way.len()).find_map(|step| {
        let (item, next) = (way[step], way[(step + 1) % way.len()]);
        if !graph.references[item].contains(&next) {
            return None;
        }
        let mut found = None;
        for value in items[item].fields.values() {
            value.for_each_reference(&mut |reference| {
                if found.is_none() && index.find(reference, items) == Some(next) {
                    found = Some((item, reference.place.clone(), reference.path.clone()));
                }
            });
        }
        found
    });
    found.unwrap_or_else(|| (way[0], items[way[0]].place.clone(), String::new()))
}

fn circle_of_units(
    items: &[&Item],
    graph: &Graph,
    needs: &Needs,
    way: &[usize],
    members: Vec<usize>,
) -> Circle {
    let name = |node: usize| match &items[node].unit {
        Some(unit) => format!("unit `{unit}`"),
        None => words(items[node]),
    };
    let names: Vec<String> = way.iter().chain(way.first()).map(|node| name(*node)).collect();
    // The member of the first node that needs one of the second: it is what the writer sees.
    let second = way[1 % way.len()];
    let item = members
        .iter()
        .copied()
        .find(|at| graph.nodes[*at] == way[0] && needs[*at].iter().any(|n| graph.nodes[*n] == second))
        .unwrap_or(way[0]);
    let problem = Problem::new(Code::error(303), format!("units need each other: {}", names.join(" → ")))
        .path("unit")
        .hint("put all of them in one unit, or take one out of its unit");
    Circle { item, knot: members, problem }
}

fn words(item: &Item) -> String {
    let kind = item.kind.as_ref().map_or("item", |kind| kind.singular());
    format!("{kind} `{}`", item.label())
}

/// What offline checks can say about order beyond what every reading says, each with its item if it has one: items that only
/// refer to each other (E303, unless all of them are there already), and barriers that close a circle with what items need
/// (W305).
pub(super) fn likely(items: &[&Item], dependencies: &[&Dependency]) -> Vec<(Option<usize>, Problem)> {
    // Of references alone, only gateways can make a circle.
    let has_gateways =
        items.iter().any(|item| item.kind == Ok(Kind::Network) && item.fields.contains_key("gateways"));
    if dependencies.is_empty() && !has_gateways {
        return Vec::new();
    }
    let graph = Graph::new(items);
    let needs = graph.all();
    let mut found = Vec::new();
    for (way, knot) in order::cycles(&needs) {
        if !is_certain(&graph, &knot) {
            let circle = circle(items, &graph, &way, knot);
            let hint = "create one of them without the reference first, then apply the whole";
            found.push((Some(circle.item), circle.problem.hint(hint)));
        }
    }
    let mut needs = graph.contracted(&needs);
    if !order::cycles(&needs).is_empty() {
        return found;
    }
    let nodes_of = |kind: Kind| -> Vec<usize> {
        let nodes = items.iter().zip(&graph.nodes).filter(|(item, _)| item.kind == Ok(kind));
        nodes.map(|(_, node)| *node).collect::<BTreeSet<_>>().into_iter().collect()
    };
    for dependency in dependencies {
        let (waiting, first) = (nodes_of(dependency.kind), nodes_of(dependency.on));
        if waiting.is_empty() || first.is_empty() {
            continue;
        }
        if order::closes_circle(&needs, &waiting, &first) {
            found.push((None, barrier_dropped(dependency)));
            continue;
        }
        // One node between both sides, in place of an edge for each pair.
        let barrier = needs.len();
        needs.push(first);
        for node in waiting {
            needs[node].push(barrier);
        }
    }
    found
}

/// W305.
fn barrier_dropped(dependency: &Dependency) -> Problem {
    let (kind, on) = (dependency.kind.plural(), dependency.on.plural());
    Problem::new(
        Code::warning(305),
        format!("`{kind}` cannot wait for `{on}`: some of the {on} need some of the {kind}"),
    )
    .at(&dependency.place)
    .path(format!("dependencies.{kind}"))
    .hint("remove it: what items need of each other goes first")
}
