//! Whom a policy means: Graph `authenticationMethodTarget` and `excludeTarget`.
use super::document::{Member, Members, bad};
use crate::guid::Guid;
use crate::refusal::Refusal;
use crate::user::{ALL_USERS, Subject};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// `state` of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Whoever is targeted may use the method.
    Enabled,
    /// Nobody may.
    #[default]
    Disabled,
}

impl State {
    pub(super) const WORDS: [(&str, Self); 2] = [("enabled", Self::Enabled), ("disabled", Self::Disabled)];
}

/// `targetType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetType {
    /// A group, or everybody.
    #[default]
    Group,
    /// One user.
    User,
}

/// A target of an exclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExcludeTarget {
    /// Group or user.
    pub target_type: TargetType,
    /// Its object ID, or [`ALL_USERS`].
    pub id: String,
}

impl ExcludeTarget {
    /// The ID of everybody.
    pub(super) fn everybody() -> Self {
        Self { target_type: TargetType::Group, id: ALL_USERS.into() }
    }

    /// The portal sends `displayName` with a target; Graph's schema has none, so it is not kept.
    pub(super) const NAMES: [&'static str; 3] = ["targetType", "id", "displayName"];

    pub(super) fn read(members: &Members<'_>) -> Result<Self, Refusal> {
        let id = members.require("id")?;
        let id = match id.text()? {
            text if text.eq_ignore_ascii_case(ALL_USERS) => ALL_USERS.into(),
            _ => id.guid().map_err(|error| error.hint(format!("everybody is {ALL_USERS}")))?.to_string(),
        };
        let words = [("group", TargetType::Group), ("user", TargetType::User)];
        let target_type = members.get("targetType").map(|member| member.choice(&words)).transpose()?;
        Ok(Self { target_type: target_type.unwrap_or_default(), id })
    }
}

/// A list of targets, each with an ID of its own.
pub(super) fn read_targets<'a, T>(
    list: &Member<'a>,
    known: &[&'static str],
    id: impl Fn(&T) -> &str,
    read: impl Fn(&Members<'a>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let mut seen = HashSet::new();
    let mut targets = Vec::new();
    for item in list.list()? {
        let target = read(&item.members(known)?)?;
        if !seen.insert(id(&target).to_owned()) {
            return Err(bad(&item.at, format_args!("the target {} is there already", id(&target))));
        }
        targets.push(target);
    }
    Ok(targets)
}

/// `excludeTargets`.
pub(super) fn read_exclusions(list: &Member<'_>) -> Result<Vec<ExcludeTarget>, Refusal> {
    read_targets(list, &ExcludeTarget::NAMES, |target: &ExcludeTarget| &target.id, ExcludeTarget::read)
}

/// The exclusion that means that one, if there is one.
pub(super) fn exclusion_of<'a>(
    targets: &'a [ExcludeTarget],
    subject: &Subject<'_>,
) -> Option<&'a ExcludeTarget> {
    targets.iter().find(|target| subject.is_in(&target.id))
}

/// A list of IDs of profiles, each once.
pub(super) fn read_ids(list: &Member<'_>) -> Result<Vec<Guid>, Refusal> {
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for item in list.list()? {
        let id = item.guid()?;
        if !seen.insert(id) {
            return Err(bad(&item.at, format_args!("{id} is there already")));
        }
        ids.push(id);
    }
    Ok(ids)
}
