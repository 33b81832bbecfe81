//! Enums that keep a value they do not know.

/// Declares an enum of the API: each named value has its wire text, every other text is kept in `Unknown` and
/// written back unchanged, so that read-modify-write loses nothing when the service learns a new value.
macro_rules! open_enum {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* #[doc = concat!("`", $text, "`.")] $variant,)+
            /// A value that this version does not know, as received.
            Unknown(String),
        }

        impl $name {
            /// The known values as they are written on the wire, in the reference's order.
            pub const VALUES: &'static [&'static str] = &[$($text),+];

            /// The value as it is written on the wire.
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $text,)+ Self::Unknown(text) => text }
            }
        }

        impl crate::schema::shape::Described for $name {
            const SHAPE: crate::schema::Shape = crate::schema::Shape::Words(stringify!($name), Self::VALUES);
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text { $($text => Self::$variant,)+ other => Self::Unknown(other.to_owned()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    )+};
}
pub(crate) use open_enum;
