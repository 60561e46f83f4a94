//! Why there is no lab here, and what to do about it.
use super::apart::Step;
use crate::control::{Failure, FailureKind};
use rustix::io::Errno;
use std::io;

/// A file's text, if it can be read: how this module sees the machine.
pub(super) type Files<'a> = &'a dyn Fn(&str) -> Option<String>;

const LIMIT: &str = "/proc/sys/user/max_user_namespaces";
const CLONE: &str = "/proc/sys/kernel/unprivileged_userns_clone";
const APPARMOR: &str = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
const NAMESPACE: &str = "/proc/self/ns/user";
const STATUS: &str = "/proc/self/status";
const MAP: &str = "/proc/self/uid_map";

/// What containers have at their root, and how each lets programs make namespaces.
const CONTAINERS: [(&str, &str); 2] = [
    (
        "/.dockerenv",
        "start it with `docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined …` \
         (in GitHub Actions, `container: options:` takes the same words)",
    ),
    (
        "/run/.containerenv",
        "start it with `podman run --security-opt seccomp=unconfined --security-opt label=disable …`",
    ),
];

/// Reads a file of this machine.
pub(super) fn file(path: &str) -> Option<String> {
    // Whether there is one is all that is asked of some of them.
    std::path::Path::new(path).exists().then(|| std::fs::read_to_string(path).unwrap_or_default())
}

/// The failure of a step, with the reason as far as this machine tells it.
pub(super) fn refused(step: Step, error: &io::Error, files: Files) -> Failure {
    let what = match step {
        Step::Unshare => "cannot make a user namespace for the lab",
        Step::Map => "cannot say who is who in the lab's user namespace",
        Step::Mount => "cannot mount anything in the lab",
        Step::Loopback => "cannot bring up the lab's loopback",
        Step::Listen => "cannot listen on the lab's loopback",
    };
    let (why, hint) = reason(step, error, files);
    let message = if why.is_empty() { format!("{what}: {error}") } else { format!("{what}: {error}; {why}") };
    Failure::new(FailureKind::Refused, message).hint(hint)
}

fn reason(step: Step, error: &io::Error, files: Files) -> (String, String) {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    let value = |path| files(path).map(|text| text.trim().to_owned());
    let is_denied = matches!(code, Some(Errno::PERM | Errno::ACCESS | Errno::NOSYS));
    if step == Step::Unshare && files(NAMESPACE).is_none() {
        let why = "this kernel has none (CONFIG_USER_NS)";
        return (why.into(), "run it on a kernel that has them, or as root".into());
    }
    if code == Some(Errno::NOSPC) || code == Some(Errno::USERS) {
        return match value(LIMIT).as_deref() {
            Some("0") => (
                "user.max_user_namespaces is 0".into(),
                "`sudo sysctl -w user.max_user_namespaces=15000` allows them until the next start".into(),
            ),
            _ => (
                "there are too many of them, or they are too deep in each other".into(),
                "`sysctl user.max_user_namespaces` is how many one user can have".into(),
            ),
        };
    }
    if is_denied && step == Step::Unshare && value(CLONE).as_deref() == Some("0") {
        return (
            "kernel.unprivileged_userns_clone is 0".into(),
            "`sudo sysctl -w kernel.unprivileged_userns_clone=1` allows them until the next start".into(),
        );
    }
    // A container's own limits come first there: the host's setting is seen in it, too.
    let is_filtered = files(STATUS).is_some_and(|status| is_filtered(&status));
    let container = CONTAINERS.iter().find(|(mark, _)| files(mark).is_some());
    if is_denied && let Some((_, hint)) = container.filter(|_| is_filtered || step == Step::Mount) {
        let who = if step == Step::Unshare { "seccomp" } else { "AppArmor or SELinux" };
        return (format!("this container does not allow it (by {who})"), (*hint).to_owned());
    }
    if is_denied && value(APPARMOR).as_deref() == Some("1") && !is_root_of_all(files) {
        return (
            "kernel.apparmor_restrict_unprivileged_userns is 1, so AppArmor takes a user namespace's power away".into(),
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` allows it until the next start; \
             as root it works without"
                .into(),
        );
    }
    if is_denied && is_filtered {
        let hint = "whoever started this session lets it make no namespaces; try outside of its sandbox";
        return ("a seccomp filter is in force".into(), hint.into());
    }
    (
        String::new(),
        "`unshare --user --map-current-user --mount --net true` (util-linux) tries the same".into(),
    )
}

/// Whether a filter looks at system calls (`Seccomp: 2`, proc_pid_status(5)).
fn is_filtered(status: &str) -> bool {
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
    mode.is_some_and(|mode| mode.trim() == "2")
}

/// Root outside of all user namespaces, whom AppArmor's restriction does not concern.
fn is_root_of_all(files: Files) -> bool {
    let all = files(MAP).is_some_and(|map| map.split_ascii_whitespace().eq(["0", "0", "4294967295"]));
    all && rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(step: Step, errno: Errno, machine: &[(&str, &str)]) -> (String, String) {
        let files = |path: &str| {
            let text = machine.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
            text.or_else(|| (path == NAMESPACE).then(String::new))
        };
        let failure = refused(step, &errno.into(), &files);
        (failure.message, failure.hint.expect("each has a hint"))
    }

    #[test]
    fn user_namespaces_that_are_off_are_named_with_the_switch() {
        let (message, hint) = told(Step::Unshare, Errno::NOSPC, &[(LIMIT, "0\n")]);
        assert!(message.ends_with("; user.max_user_namespaces is 0"), "{message}");
        assert!(hint.contains("sysctl -w user.max_user_namespaces=15000"), "{hint}");
        let (message, hint) = told(Step::Unshare, Errno::PERM, &[(CLONE, "0\n")]);
        assert!(message.ends_with("; kernel.unprivileged_userns_clone is 0"), "{message}");
        assert!(hint.contains("sysctl -w kernel.unprivileged_userns_clone=1"), "{hint}");
        let (message, _) = told(Step::Unshare, Errno::NOSPC, &[(LIMIT, "96365\n")]);
        assert!(message.contains("too many"), "{message}");
    }

    #[test]
    fn ubuntus_restriction_is_recognised_wherever_it_shows() {
        for step in [Step::Unshare, Step::Map, Step::Mount, Step::Loopback] {
            for errno in [Errno::PERM, Errno::ACCESS] {
                let (message, hint) = told(step, errno, &[(APPARMOR, "1\n")]);
                assert!(message.contains("kernel.apparmor_restrict_unprivileged_userns is 1"), "{message}");
                assert!(hint.contains("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"), "{hint}");
            }
        }
        let (message, _) = told(Step::Map, Errno::PERM, &[(APPARMOR, "0\n")]);
        assert!(!message.contains("apparmor"), "{message}");
    }

    #[test]
    fn a_container_is_told_how_it_is_to_be_started() {
        let status = (STATUS, "Name:\tfauxkey\nSeccomp:\t2\nSeccomp_filters:\t1\n");
        // The host's restriction is visible inside, and is not the first thing to mend.
        let docker = [("/.dockerenv", ""), status, (APPARMOR, "1\n")];
        let (message, hint) = told(Step::Unshare, Errno::PERM, &docker);
        assert!(message.contains("by seccomp"), "{message}");
        assert!(hint.contains("docker run --security-opt seccomp=unconfined"), "{hint}");
        let (message, hint) = told(Step::Mount, Errno::ACCESS, &docker[..1]);
        assert!(message.contains("by AppArmor"), "{message}");
        assert!(hint.contains("--security-opt apparmor=unconfined"), "{hint}");
        // Some filters say that there is no such system call.
        let (_, hint) = told(Step::Unshare, Errno::NOSYS, &[("/run/.containerenv", ""), status]);
        assert!(hint.contains("podman run"), "{hint}");
    }

    #[test]
    fn a_kernel_without_user_namespaces_is_told_apart() {
        let failure = refused(Step::Unshare, &Errno::INVAL.into(), &|_| None);
        assert!(failure.message.contains("CONFIG_USER_NS"), "{}", failure.message);
    }

    #[test]
    fn what_is_not_understood_is_passed_on_with_a_way_to_look() {
        let (message, hint) = told(Step::Listen, Errno::ADDRINUSE, &[]);
        assert!(message.starts_with("cannot listen on the lab's loopback: "), "{message}");
        assert!(hint.contains("unshare --user"), "{hint}");
    }
}
