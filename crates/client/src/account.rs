//! Which of several accounts signs in.
use std::fmt;
use wire::base64url;
use wire::ctap2::UserEntity;

/// Which account to sign in with where the authenticator has several. Authenticators list the newest first
/// (CTAP 2.1 §6.2.2 step 12).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Account {
    /// The one that was registered last.
    #[default]
    Newest,
    /// The one at that place, counting from 0 at the newest.
    Index(u64),
    /// The one with that account name, or with that user handle in base64url.
    Named(String),
}

impl Account {
    /// Whether the account at `index` is the wanted one. An authenticator tells names only where there are several
    /// accounts and the user was verified; an only account that has none is taken.
    pub(crate) fn is(&self, index: u64, user: Option<&UserEntity>, only: bool) -> bool {
        match self {
            Self::Newest => true,
            Self::Index(wanted) => *wanted == index,
            Self::Named(wanted) => {
                let name = user.and_then(|user| user.name.as_ref());
                let handle = user.map(|user| base64url::encode(&user.id));
                name == Some(wanted) || handle.as_ref() == Some(wanted) || (only && name.is_none())
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("that is the newest"),
            Self::Index(index) => write!(f, "number {index}"),
            Self::Named(name) => write!(f, "{name:?}"),
        }
    }
}

/// What to call an account in a message.
pub(crate) fn label(user: Option<&UserEntity>) -> String {
    match user {
        Some(UserEntity { name: Some(name), .. }) => format!("{name:?}"),
        Some(user) => base64url::encode(&user.id),
        None => "an account without a name".into(),
    }
}
