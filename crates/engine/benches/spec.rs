//! How long specs take to read and check, and how much memory: `cargo bench -p connexa-engine --bench spec`.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod support;

use connexa_engine::spec::Format;
use support::{each_alone, measured, peak_mib, read, spec_value, yaml};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    let heading = format!("{:>9} {:>8} {:>10} {:>9} {:>9}", "items", "format", "text", "time", "memory");
    each_alone(&heading, SIZES.len() * 2, |row| {
        let value = spec_value(SIZES[row / 2] / 10);
        let (name, format, text) = match row % 2 {
            0 => ("json", Format::Json, value.to_string()),
            _ => ("yaml", Format::Yaml, yaml(&value)),
        };
        drop(value);
        let before = peak_mib();
        let read = measured(|| read(format, &text));
        println!(
            "{:>9} {name:>8} {:>6} KiB {:>6} ms {:>5} MiB, {before} MiB of them for the text",
            read.value.desired.items.len(),
            text.len() / 1024,
            read.time.as_millis(),
            peak_mib(),
        );
    });
}
