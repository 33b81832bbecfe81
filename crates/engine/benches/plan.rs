//! How long plans take, and how much memory: `cargo bench -p connexa-engine --bench plan`.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod support;

use connexa_engine::spec::Format;
use support::{each_alone, measured, peak_mib, planned, read, spec_value, tenant};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const SCENES: [&str; 4] = ["nothing to do", "one in ten offices new", "every network changed", "all new"];

fn main() {
    let heading = format!(
        "{:>9} {:>9} {:>24} {:>11} {:>9} {:>9}",
        "items", "objects", "what", "operations", "time", "memory"
    );
    each_alone(&heading, SIZES.len() * SCENES.len(), |row| {
        let (size, scene) = (row / SCENES.len(), row % SCENES.len());
        let offices = SIZES[size] / 10;
        let (held, description) = match scene {
            0 => (0..offices, "Branch office"),
            1 => (offices / 10..offices, "Branch office"),
            2 => (0..offices, "Office"),
            _ => (0..0, ""),
        };
        let text = spec_value(offices).to_string();
        let reading = read(Format::Json, &text);
        let current = tenant(held, description);
        let objects: usize = current.kinds.values().map(|kind| kind.objects.len()).sum();
        let before = peak_mib();
        let plan = measured(|| planned(&reading, &current));
        println!(
            "{:>9} {objects:>9} {:>24} {:>11} {:>6} ms {:>5} MiB, {before} MiB of them before",
            plan.value.changes.len(),
            SCENES[scene],
            plan.value.operations.len(),
            plan.time.as_millis(),
            peak_mib(),
        );
    });
}
