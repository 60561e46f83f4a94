//! Users and groups, Microsoft Graph `user` and `group`.
use crate::guid::Guid;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The ID of the target that is everybody.
pub const ALL_USERS: &str = "all_users";

/// `userType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UserType {
    /// Of this tenant.
    #[default]
    Member,
    /// Invited. Guests register no passkeys here.
    Guest,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The object ID.
    pub id: Guid,
    /// Such as `adele@contoso.test`; matched in any case.
    pub user_principal_name: String,
    /// For people.
    pub display_name: String,
    /// Member or guest.
    #[serde(default)]
    pub user_type: UserType,
    /// Whether the user holds an administrator's role.
    #[serde(default)]
    pub is_admin: bool,
    /// When the account was made.
    pub created: Time,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object ID.
    pub id: Guid,
    /// For people.
    pub display_name: String,
    /// The users in it.
    #[serde(default)]
    pub members: BTreeSet<Guid>,
}

/// Who somebody is, for policies that target users and groups.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: &'a User,
    /// The groups that the user is in.
    pub groups: &'a BTreeSet<Guid>,
}

impl Subject<'_> {
    /// Whether a target of that ID, a user's, a group's or [`ALL_USERS`], means this one. In any case.
    pub fn is_in(&self, id: &str) -> bool {
        id.eq_ignore_ascii_case(ALL_USERS)
            || id.parse::<Guid>().is_ok_and(|id| id == self.user.id || self.groups.contains(&id))
    }
}
