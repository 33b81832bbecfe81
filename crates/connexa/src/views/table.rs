//! Tables of aligned columns.

use super::text::{Text, Tone, harmless};

/// A table whose first column is a name and whose others are numbers; two spaces before each line.
pub(crate) fn counts<'a>(
    header: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Text {
    let header: Vec<String> = header.into_iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let width = |column: usize| {
        std::iter::once(&header).chain(&rows).map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &[String], tone: Tone| {
        let mut text = Text::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            text = match column {
                0 => text.toned(tone, format_args!("  {cell:<width$}")),
                _ => text.toned(tone, format_args!("  {cell:>width$}")),
            };
        }
        text.end()
    };
    rows.iter().fold(line(&header, Tone::Dim), |text, row| text.then(line(row, Tone::Plain)))
}

/// A table of texts without lines, two spaces between columns.
pub(crate) fn texts(header: &[String], rows: &[Vec<String>]) -> Text {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        // Harmless before the table measures it, not only when it is shown.
        table.add_row(row.iter().map(|cell| harmless(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().fold(Text::new(), |text, line| text.then(Text::line(line.trim_end())))
}
