//! Items that the command line itself gives, as the text of a table: so they are typed and checked as those of a file.

use crate::{failure::Failure, views::shell::quoted};
use connexa_engine::{
    catalog,
    selection::COMMAND_LINE,
    spec::{Format, Identity, SourceText, identity},
};
use connexa_types::Kind;

/// Items of a kind by their names, all with the fields of `--set`.
pub(crate) fn items(kind: Kind, names: &[String], set: &[String]) -> Result<Option<SourceText>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    if kind == Kind::Setting {
        return Err(Failure::usage("settings are there already").hint("`update settings` gives them values"));
    }
    let definition = catalog::definition(kind);
    let mut header: Vec<&str> = Vec::new();
    header.extend(kind.parent().and(definition.parent_names.first().copied()));
    header.push(definition.key_name);
    let mut fields = Vec::new();
    for text in set {
        let (field, value) = parted("--set", text)?;
        header.push(field);
        fields.push(value);
    }
    let mut table = row(&header);
    for name in names {
        let mut cells = Vec::new();
        let own = match identity(kind, name) {
            Ok(Identity::Key(key)) => {
                cells.extend(key.parent.map(|part| part.text));
                key.own.text
            }
            // A name may well look like an id; and what is wrong with a key is said by the reader of items.
            Ok(Identity::Id(_)) if kind.parent().is_none() => name.clone(),
            Ok(Identity::Id(_)) | Err(_) if kind.parent().is_some() => {
                let parent = kind.parent().map_or("parent", Kind::singular);
                let message = format!("`{name}` does not say of which {parent}");
                return Err(Failure::usage(message).hint(format!("write {}/NAME", parent.to_uppercase())));
            }
            Ok(Identity::Id(_)) | Err(_) => name.clone(),
        };
        cells.push(own);
        cells.extend(fields.iter().map(|field| (*field).to_owned()));
        table.push_str(&row(&cells));
    }
    Ok(Some(text(table)))
}

/// Settings by their paths, all with one value.
pub(crate) fn settings(paths: &[String], set: &[String]) -> Result<Option<SourceText>, Failure> {
    if paths.is_empty() {
        return Ok(None);
    }
    let value = match set {
        [one] => match parted("--set", one)? {
            ("value", value) => value,
            (field, _) => {
                let failure = Failure::usage(format!("a setting has no field `{field}`"));
                return Err(failure.hint("`--set value=VALUE` gives it a value"));
            }
        },
        _ => return Err(Failure::usage("a setting takes one value, as `--set value=VALUE`")),
    };
    let mut table = row(&["key", "value"]);
    for path in paths {
        table.push_str(&row(&[path.as_str(), value]));
    }
    Ok(Some(text(table)))
}

fn text(table: String) -> SourceText {
    SourceText { name: COMMAND_LINE.to_owned(), format: Some(Format::Csv), bytes: table.into_bytes() }
}

/// A row of a table. The header needs a delimiter even where it has one column: the reader looks for the most frequent.
fn row<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<String> =
        cells.iter().map(|cell| format!("\"{}\"", cell.as_ref().replace('"', "\"\""))).collect();
    cells.join(",") + "\n"
}

/// Parts `FIELD=VALUE`.
pub(crate) fn parted<'t>(flag: &str, text: &'t str) -> Result<(&'t str, &'t str), Failure> {
    match text.split_once('=') {
        Some((field, value)) if !field.trim().is_empty() => Ok((field.trim(), value)),
        _ => Err(Failure::usage(format!("`{flag} {text}` is not of the form FIELD=VALUE"))),
    }
}

/// What was picked on the command line, as words to be copied.
pub(crate) fn words(names: &[String], matching: Option<&str>, flags: &[(&str, &[String])]) -> Vec<String> {
    let mut words: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
    if let Some(expression) = matching {
        flag("--where", expression);
    }
    for (name, values) in flags {
        values.iter().for_each(|value| flag(name, value));
    }
    words
}
