//! Namespaces, and the maps of users and groups that user namespaces want (user_namespaces(7)).
use nix::sched::CloneFlags;
use rustix::process::{getegid, geteuid};
use rustix::thread::{CapabilitySet, capabilities};
use std::fmt::Write as _;
use std::fs;
use std::io;

/// What is refused, in the order in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Unshare,
    Map,
    Mount,
    Loopback,
    Listen,
}

/// Leaves for a user, a mount and a network namespace, or for the last two, where there is no user namespace to be
/// had but power enough to go without. The result says whether there is one.
pub(super) fn leave() -> io::Result<bool> {
    let spaces = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    match nix::sched::unshare(CloneFlags::CLONE_NEWUSER | spaces) {
        Ok(()) => Ok(true),
        Err(first) => match nix::sched::unshare(spaces) {
            Ok(()) => Ok(false),
            // It says less: for most callers that it takes a user namespace.
            Err(_) => Err(first.into()),
        },
    }
}

/// Leaves for a user namespace.
pub(super) fn leave_users() -> io::Result<()> {
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER).map_err(Into::into)
}

/// Writes the maps of the user namespace that a child of ours has made.
///
/// Everybody that we know is who they are there, too, if we have the power to say so. Else there is one user and one
/// group: the caller's, who appear as themselves or as another.
pub(super) fn map(child: u32, appear_as: Option<(u32, u32)>) -> io::Result<()> {
    let write = |file: &str, text: &str| fs::write(format!("/proc/{child}/{file}"), text);
    if appear_as.is_none() && may_map_all() {
        write("uid_map", &same(&fs::read_to_string("/proc/self/uid_map")?))?;
        return write("gid_map", &same(&fs::read_to_string("/proc/self/gid_map")?));
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let (as_user, as_group) = appear_as.unwrap_or((user, group));
    write("setgroups", "deny")?;
    write("uid_map", &format!("{as_user} {user} 1\n"))?;
    write("gid_map", &format!("{as_group} {group} 1\n"))
}

fn may_map_all() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

/// The map by which everybody in ours is the same in a namespace below it. Lines are first ID inside, first ID
/// outside, and count.
fn same(map: &str) -> String {
    let mut lines = String::new();
    for line in map.lines() {
        let mut fields = line.split_ascii_whitespace();
        if let (Some(first), Some(count)) = (fields.next(), fields.nth(1)) {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{first} {first} {count}");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_the_same_below() {
        assert_eq!(same("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(same("0 1000 1\n1 100000 65536\n"), "0 0 1\n1 1 65536\n");
        assert_eq!(same(""), "");
    }
}
