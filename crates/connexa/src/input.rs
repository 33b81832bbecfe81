//! Input files: from `-f [FORMAT:]PATH` to texts for the reader of specs (spec section 1.1).

use crate::{failure::Failure, views::failures};
use connexa_engine::{
    problem::{Code, Problem},
    spec::{Format, Limits, SourceText},
};
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// What the files of a command hold, and what could not be read of them.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// The texts, in the order of the command line.
    pub(crate) sources: Vec<SourceText>,
    /// One problem for each file that cannot be read.
    pub(crate) problems: Vec<Problem>,
}

impl Input {
    /// Reads what the arguments of `-f` name.
    pub(crate) fn read(arguments: &[String], limits: &Limits) -> Result<Self, Failure> {
        let mut input = Self::default();
        let named = arguments.iter().map(|argument| named(argument)).collect::<Vec<_>>();
        if named.iter().filter(|(_, path)| *path == "-").count() > 1 {
            return Err(Failure::usage("standard input can be read once, but `-f -` stands twice"));
        }
        for (format, path) in named {
            if path == "-" {
                let bytes = read_capped(io::stdin().lock(), limits.max_file_bytes);
                input.add("-".to_owned(), format, bytes);
            } else if Path::new(path).is_dir() {
                let mut files = Vec::new();
                match walk(Path::new(path), Path::new(""), limits, &mut files) {
                    Ok(()) if files.is_empty() => {
                        input.refuse(path, "the folder holds no file with an extension of specs".to_owned());
                    }
                    Ok(()) => {
                        files.sort_by(|a, b| {
                            a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes())
                        });
                        for file in files {
                            let full = Path::new(path).join(file);
                            let bytes = open(&full, limits);
                            input.add(full.display().to_string(), format, bytes);
                        }
                    }
                    Err(error) => input.refuse(path, format!("the folder cannot be read: {error}")),
                }
            } else {
                input.add(path.to_owned(), format, open(Path::new(path), limits));
            }
        }
        Ok(input)
    }

    /// The format in which to write what is to be mended: that of the first text.
    pub(crate) fn format(&self) -> failures::Format {
        let Some(first) = self.sources.first() else { return failures::Format::Yaml };
        let format = first.format.or_else(|| by_extension(Path::new(&first.name)));
        match format {
            Some(Format::Json) => failures::Format::Json,
            Some(Format::JsonLines) => failures::Format::JsonLines,
            Some(Format::Csv) => failures::Format::Csv,
            Some(Format::Yaml) => failures::Format::Yaml,
            None => by_content(&first.bytes),
        }
    }

    fn add(&mut self, name: String, format: Option<Format>, bytes: io::Result<Vec<u8>>) {
        match bytes {
            Ok(bytes) => self.sources.push(SourceText { name, format, bytes }),
            Err(error) => self.refuse(&name, format!("the file cannot be read: {error}")),
        }
    }

    fn refuse(&mut self, file: &str, message: String) {
        let mut problem = Problem::new(Code::error(1), message);
        problem.file = Some(file.to_owned());
        self.problems.push(problem);
    }
}

/// Parts `FORMAT:` from a path.
fn named(argument: &str) -> (Option<Format>, &str) {
    let formats = [
        ("yaml:", Format::Yaml),
        ("json:", Format::Json),
        ("jsonl:", Format::JsonLines),
        ("csv:", Format::Csv),
    ];
    let found =
        formats.into_iter().find_map(|(prefix, format)| Some((format, argument.strip_prefix(prefix)?)));
    found.map_or((None, argument), |(format, path)| (Some(format), path))
}

fn by_extension(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Format::Yaml),
        "json" => Some(Format::Json),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

/// `{` or `[` first is JSON, or JSON Lines where a second value follows; all else is YAML.
fn by_content(bytes: &[u8]) -> failures::Format {
    let text = String::from_utf8_lossy(bytes);
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        return failures::Format::Yaml;
    }
    let values = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}'))
        .into_iter::<serde::de::IgnoredAny>()
        .take(2)
        .count();
    if values > 1 { failures::Format::JsonLines } else { failures::Format::Json }
}

/// Finds the files of specs below `root/below`; their paths are relative to `root`.
fn walk(root: &Path, below: &Path, limits: &Limits, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().first().is_some_and(|first| b"._".contains(first)) {
            continue;
        }
        let path = below.join(&name);
        // The entry's own type: a linked folder is a link, and left out.
        if entry.file_type()?.is_dir() {
            walk(root, &path, limits, files)?;
        } else if by_extension(&path).is_some() && root.join(&path).is_file() {
            files.push(path);
            if files.len() as u64 > limits.max_files {
                // One more than allowed is enough for the reader of specs to say so.
                return Ok(());
            }
        }
    }
    Ok(())
}

fn open(path: &Path, limits: &Limits) -> io::Result<Vec<u8>> {
    read_capped(File::open(path)?, limits.max_file_bytes)
}

/// Reads at most one byte more than is allowed, which the reader of specs then refuses.
fn read_capped(from: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_files_in_byte_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/_x")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        for file in [
            "b/1.yaml",
            "b.yml",
            "A.json",
            "a.ndjson",
            "_skip.yaml",
            ".skip.yaml",
            "b/_x/2.yaml",
            ".git/3.yaml",
            "read.me",
        ] {
            fs::write(root.join(file), "{}").unwrap();
        }
        let input = Input::read(&[root.display().to_string()], &Limits::default()).unwrap();
        let names: Vec<_> = input
            .sources
            .iter()
            .map(|s| Path::new(&s.name).strip_prefix(root).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["A.json", "a.ndjson", "b.yml", "b/1.yaml"]);
        assert!(input.problems.is_empty());
        assert_eq!(input.format(), failures::Format::Json);
    }

    #[test]
    fn formats_are_named_or_seen() {
        assert_eq!(named("json:-"), (Some(Format::Json), "-"));
        assert_eq!(named("c:\\specs"), (None, "c:\\specs"));
        assert_eq!(by_content(b" {\"a\": 1}\n"), failures::Format::Json);
        assert_eq!(by_content(b"{\"a\": 1}\n{\"a\": 2}"), failures::Format::JsonLines);
        assert_eq!(by_content(b"a: 1"), failures::Format::Yaml);
    }

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        let input = Input::read(&["/no/such/spec.yaml".to_owned()], &Limits::default()).unwrap();
        assert_eq!(input.problems[0].code, Code::error(1));
        let twice = Input::read(&["-".to_owned(), "yaml:-".to_owned()], &Limits::default());
        assert!(twice.unwrap_err().message.contains("twice"));
    }
}
