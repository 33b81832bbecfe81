//! Problems of the input: one code each, with its place and the way out (spec section 8).

use connexa_types::Kind;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The input is refused.
    Error,
    /// The input is taken; `--strict` makes it an error.
    Warning,
}

/// A problem's code, such as `E103` or `W208`. Codes keep their meaning for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    level: Level,
    number: u16,
}

impl Code {
    /// An error code, `E` and three digits.
    pub const fn error(number: u16) -> Self {
        Self { level: Level::Error, number }
    }
    /// A warning code, `W` and three digits.
    pub const fn warning(number: u16) -> Self {
        Self { level: Level::Warning, number }
    }
    /// The level that the code itself stands for (`--strict` raises the problem's level, not the code).
    pub const fn level(self) -> Level {
        self.level
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.level {
            Level::Error => 'E',
            Level::Warning => 'W',
        };
        write!(f, "{letter}{:03}", self.number)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let make = match text.get(..1) {
            Some("E") => Self::error,
            Some("W") => Self::warning,
            _ => return Err(serde::de::Error::custom("expected `E` or `W` and three digits")),
        };
        text[1..].parse().map(make).map_err(serde::de::Error::custom)
    }
}

/// A place in an input file. Lines and columns count from 1; columns count Unicode scalar values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it; `-` for standard input.
    #[serde(serialize_with = "write_file", deserialize_with = "read_file")]
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

fn write_file<S: serde::Serializer>(file: &Arc<str>, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(file)
}

fn read_file<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Arc<str>, D::Error> {
    Ok(String::deserialize(d)?.into())
}

/// One problem of the input, in the form of the `connexa.problems/1` document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Its code.
    pub code: Code,
    /// Its level, after `--strict`.
    pub level: Level,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The field in spec names, such as `connectors[0].region`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do, or the nearest valid name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The kind of the item, or the word as given where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The item's key string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The line of the file at which it stands, for people.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

impl Problem {
    /// A problem without a place, at its code's level.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            level: code.level(),
            file: None,
            line: None,
            column: None,
            path: None,
            message: message.into(),
            expected: None,
            hint: None,
            kind: None,
            key: None,
            excerpt: None,
        }
    }

    /// Puts the problem at a place.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.file = Some(place.file.to_string());
        self.line = Some(place.line);
        self.column = Some(place.column);
        self
    }

    /// Names the field.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the item.
    #[must_use]
    pub fn of(mut self, kind: Kind, key: Option<&str>) -> Self {
        self.kind = Some(kind.singular().to_owned());
        self.key = key.map(str::to_owned);
        self
    }

    /// Whether the problem refuses the input.
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}
