//! Users, groups and passwords.
use crate::guid::Guid;
use crate::password::PasswordHash;
use crate::records::Audit;
use crate::refusal::{Refusal, RefusalKind};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::{Group, User, UserType};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// The longest user principal name, as Entra has it.
const LONGEST_NAME: usize = 113;

/// A user to be.
#[derive(Default)]
pub struct NewUser {
    /// Such as `adele@contoso.test`.
    pub user_principal_name: String,
    /// For people; the name before the `@` if empty.
    pub display_name: String,
    /// Member or guest.
    pub user_type: UserType,
    /// Whether the user holds an administrator's role.
    pub is_admin: bool,
    /// The password, if there is to be one.
    pub password: Option<Zeroizing<String>>,
    /// The object ID, where it must be a certain one. A random one otherwise.
    pub id: Option<Guid>,
}

impl Tenant {
    /// All users, by name.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.state.names.values().filter_map(|id| self.state.users.get(id))
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.state.users.len()
    }

    /// The user of that object ID or user principal name.
    ///
    /// # Errors
    /// NotFound.
    pub fn user(&self, who: &str) -> Result<&User, Refusal> {
        let id = who.parse::<Guid>().ok().or_else(|| self.state.names.get(&who.to_lowercase()).copied());
        id.and_then(|id| self.state.users.get(&id)).ok_or_else(|| {
            let message = format!("there is no user {who}");
            let refusal = Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message);
            match self.state.names.keys().next() {
                Some(name) if self.state.names.len() == 1 => refusal.hint(format!("there is {name}")),
                Some(_) => refusal.hint("fauxkey tenant user list shows who there is"),
                None => refusal.hint("fauxkey tenant user add makes one"),
            }
        })
    }

    /// Adds a user.
    ///
    /// # Errors
    /// BadRequest if the name is none, Conflict if it is taken.
    pub fn add_user(&mut self, now: Time, new: NewUser) -> Result<User, Refusal> {
        self.add_users(now, vec![new]).map(|mut added| added.remove(0))
    }

    /// Adds several users in one go: all of them or none.
    ///
    /// # Errors
    /// Those of [`Tenant::add_user`].
    pub fn add_users(&mut self, now: Time, new: Vec<NewUser>) -> Result<Vec<User>, Refusal> {
        let mut names = BTreeSet::new();
        let mut users = Vec::with_capacity(new.len());
        let mut changes = Vec::with_capacity(new.len() * 2);
        for new in new {
            let name = new.user_principal_name.trim().to_owned();
            check_name(&name)?;
            let taken = self.state.names.contains_key(&name.to_lowercase());
            if taken || !names.insert(name.to_lowercase()) {
                let message = format!("there is a user {name} already");
                return Err(Refusal::new(RefusalKind::Conflict, "Request_ResourceExists", message));
            }
            let id = new.id.unwrap_or_else(|| Guid::random(&mut *self.rng));
            if self.state.users.contains_key(&id) {
                let message = format!("there is a user with ID {id} already");
                return Err(Refusal::new(RefusalKind::Conflict, "Request_ResourceExists", message));
            }
            let display_name = match new.display_name.trim() {
                "" => name.split('@').next().unwrap_or(&name).to_owned(),
                given => given.to_owned(),
            };
            let user = User {
                id,
                user_principal_name: name,
                display_name,
                user_type: new.user_type,
                is_admin: new.is_admin,
                created: now,
            };
            if let Some(password) = &new.password {
                let hash = PasswordHash::new(id, password, &mut *self.rng);
                changes.push(Change::from(Row::Password(hash)));
            }
            changes.push(Change::from(Row::User(user.clone())));
            users.push(user);
        }
        self.commit(changes)?;
        Ok(users)
    }

    /// Gives a user a password, or takes it away.
    ///
    /// # Errors
    /// NotFound.
    pub fn set_password(&mut self, user: Guid, password: Option<&str>) -> Result<(), Refusal> {
        self.user(&user.to_string())?;
        let change = match password {
            Some(password) => Change::from(Row::Password(PasswordHash::new(user, password, &mut *self.rng))),
            None => Change::RemovePassword(user),
        };
        self.commit(vec![change])
    }

    /// Deletes a user with everything that the user has. Logs stay.
    ///
    /// # Errors
    /// NotFound.
    pub fn delete_user(&mut self, now: Time, user: Guid) -> Result<(), Refusal> {
        let account = self.user(&user.to_string())?.clone();
        let mut changes = Vec::new();
        if let Some(belongings) = self.state.belongings.get(&user) {
            changes.extend(belongings.passkeys.iter().cloned().map(Change::RemovePasskey));
            changes.extend(belongings.apps.iter().map(|(app, _)| Change::RemoveApp(app.id)));
            changes.push(Change::RemoveTap(user));
            changes.push(Change::RemovePassword(user));
            let groups = belongings.groups.iter().filter_map(|group| self.state.groups.get(group));
            changes.extend(groups.map(|group| {
                let mut group = group.clone();
                group.members.remove(&user);
                Change::from(Row::Group(group))
            }));
        }
        changes.push(Change::RemoveUser(user));
        let audit = Audit::user_deleted(now, self.log_id(now), &account);
        changes.push(Change::from(Row::Audit(Box::new(audit))));
        self.commit(changes)?;
        self.sessions.end_those(|session| session.user == Some(user));
        Ok(())
    }

    /// The groups that a user is in.
    pub(crate) fn groups_of(&self, user: Guid) -> BTreeSet<Guid> {
        self.state.belongings.get(&user).map(|belongings| belongings.groups.clone()).unwrap_or_default()
    }

    /// All groups.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.state.groups.values()
    }

    /// The group of that object ID or name, in any case.
    ///
    /// # Errors
    /// NotFound.
    pub fn group(&self, which: &str) -> Result<&Group, Refusal> {
        let by_id = which.parse::<Guid>().ok().and_then(|id| self.state.groups.get(&id));
        let by_name =
            || self.state.groups.values().find(|group| group.display_name.eq_ignore_ascii_case(which));
        by_id.or_else(by_name).ok_or_else(|| {
            let message = format!("there is no group {which}");
            Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
        })
    }

    /// Adds a group, empty.
    ///
    /// # Errors
    /// BadRequest if the name is empty, Conflict if it is taken.
    pub fn add_group(&mut self, display_name: &str) -> Result<Group, Refusal> {
        let display_name = display_name.trim();
        if display_name.is_empty() || display_name.len() > 256 {
            let message = "a group's name has 1 to 256 characters";
            return Err(Refusal::new(RefusalKind::BadRequest, "Request_BadRequest", message));
        }
        if self.group(display_name).is_ok() {
            let message = format!("there is a group {display_name} already");
            return Err(Refusal::new(RefusalKind::Conflict, "Request_ResourceExists", message));
        }
        let id = Guid::random(&mut *self.rng);
        let group = Group { id, display_name: display_name.into(), members: BTreeSet::new() };
        self.commit(vec![Change::from(Row::Group(group.clone()))])?;
        Ok(group)
    }

    /// Puts a user into a group, or takes the user out of it.
    ///
    /// # Errors
    /// NotFound.
    pub fn set_member(&mut self, group: Guid, user: Guid, member: bool) -> Result<(), Refusal> {
        self.user(&user.to_string())?;
        let mut group = self.group(&group.to_string())?.clone();
        if member {
            group.members.insert(user);
        } else {
            group.members.remove(&user);
        }
        self.commit(vec![Change::from(Row::Group(group))])
    }

    /// Deletes a group. Policies that target it target nobody by it any more.
    ///
    /// # Errors
    /// NotFound.
    pub fn delete_group(&mut self, group: Guid) -> Result<(), Refusal> {
        let id = self.group(&group.to_string())?.id;
        self.commit(vec![Change::RemoveGroup(id)])
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let (local, domain) = name.split_once('@').unwrap_or((name, ""));
    let plain = name.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"'\"/\\?#".contains(c));
    if local.is_empty() || domain.is_empty() || domain.contains('@') || !plain || name.len() > LONGEST_NAME {
        let message = format!("{name:?} is no user principal name");
        return Err(Refusal::new(RefusalKind::BadRequest, "Request_BadRequest", message)
            .hint("one looks like adele@contoso.test and has at most 113 characters"));
    }
    Ok(())
}
