//! The caller's process: it stays outside.
use super::remains::Spaces;
use super::tell::{FromHelper, Line, ToHelper, Wanted, answer, broken};
use super::{Ended, Opened, Options, apart, environment, hosts, refusal};
use crate::child::Signals;
use crate::control::{Failure, FailureKind};
use crate::process;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{WaitOptions, geteuid, getpid, set_child_subreaper};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The name by which this program is started to be the helper: its argument zero, which process lists show.
pub(super) const HELPER: &str = "fauxkey-lab";

/// The helper's socket, in the lab's folder.
pub(super) const SOCKET: &str = "lab";

/// The longest path of a folder for sockets: `sun_path` of unix(7) has 108 bytes.
const LONGEST: usize = 80;

/// How often a folder is made that another lab removes.
const ATTEMPTS: usize = 8;

/// How long processes that ended may take to be known.
const GRACE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);

/// Runs a command in a lab, to its end. `opened` is called when everything is there, before the command starts.
///
/// For a process that does nothing else: everything that the command leaves becomes its child, and is ended.
///
/// # Errors
/// Invalid, if a name is none; Refused, if this machine lets nobody make a lab, with what to do about it; Forbidden,
/// if somebody else than root wants to appear as somebody else; Broken, if a process of ours breaks, or if the
/// services do not start.
pub fn run(command: &[OsString], options: &Options, opened: impl FnOnce(&Opened)) -> Result<Ended, Failure> {
    check(command, options)?;
    let cannot = |error: io::Error| broken("cannot start the lab", &error);
    let folder = folder().map_err(cannot)?;
    let database = Database::of(std::env::var_os("HOME").map(Into::into));
    let listener = UnixListener::bind(folder.path().join(SOCKET)).map_err(cannot)?;
    let signals = Signals::hold().map_err(cannot)?;
    set_child_subreaper(Some(getpid())).map_err(|error| cannot(error.into()))?;
    let mut helper = start(folder.path(), command).map_err(cannot)?;
    let mut line = answer(&listener, &mut helper).map_err(|error| {
        // One that says nothing is of no use. It may have ended by now.
        let _ended = helper.kill();
        cannot(error)
    })?;
    let _passing_on = signals.pass_on(&helper).map_err(cannot)?;
    let process = helper.id();
    let reaper = reap(helper).map_err(cannot)?;
    let mut spaces = None;
    let ended = converse(&mut line, process, &wanted(options, &database), opened, &mut spaces);
    // The helper ends when it hears nothing more, and has ended everything, unless it was ended itself.
    drop(line);
    if ended.is_err()
        && let Some(spaces) = spaces
    {
        spaces.end_all();
    }
    let begun = Instant::now();
    while !reaper.is_finished() && begun.elapsed() < GRACE {
        thread::sleep(PAUSE);
    }
    ended
}

fn check(command: &[OsString], options: &Options) -> Result<(), Failure> {
    if command.is_empty() {
        return Err(Failure::new(FailureKind::Invalid, "there is no command to run in the lab"));
    }
    if let Some(wrong) = options.tunnel_hosts.iter().chain(&options.names).find(|name| !hosts::is_name(name))
    {
        let message = format!("`{}` is no host name", wrong.escape_debug());
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    if options.appear_as.is_some() && !geteuid().is_root() {
        let message = "only root appears as another user in the lab";
        return Err(
            Failure::new(FailureKind::Forbidden, message).hint("everybody else appears as themselves")
        );
    }
    Ok(())
}

/// An empty folder for the lab, which is a mount point inside.
fn folder() -> io::Result<TempDir> {
    let mut usual = std::env::temp_dir();
    if usual.as_os_str().as_bytes().len() > LONGEST || !usual.is_absolute() {
        usual = "/tmp".into();
    }
    tempfile::Builder::new().prefix("fauxkey-lab-").tempdir_in(usual)
}

fn start(folder: &Path, command: &[OsString]) -> io::Result<Child> {
    // The file that runs now, even if another one has its name since.
    let mut helper = Command::new("/proc/self/exe");
    helper.arg0(HELPER).arg(folder).args(command);
    // Its environment is the command's, and that of what runs beside it.
    environment::set(&mut helper, folder);
    process::as_before(|| helper.spawn())
}

/// Waits for the helper, and for everything that it leaves.
fn reap(helper: Child) -> io::Result<JoinHandle<()>> {
    let wait = move || {
        // That it is waited for here.
        let _helper = helper;
        loop {
            match rustix::process::wait(WaitOptions::empty()) {
                Ok(_) | Err(Errno::INTR) => {}
                // Nobody is left.
                Err(_) => return,
            }
        }
    };
    thread::Builder::new().name("orphans".into()).spawn(wait)
}

fn wanted(options: &Options, database: &Database) -> Wanted {
    let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(Into::into);
    Wanted {
        options: options.clone(),
        bundle: path("SSL_CERT_FILE"),
        extra: path("NODE_EXTRA_CA_CERTS"),
        nss: database.folder.clone(),
    }
}

/// The folder of NSS's database in the user's home, which has to be there to be mounted over. Chromium would make it.
#[derive(Default)]
struct Database {
    folder: Option<PathBuf>,
    /// The same, locked for as long as it is mounted over.
    lock: Option<File>,
    /// What was made to that end, innermost first.
    made: Vec<PathBuf>,
}

impl Database {
    fn of(home: Option<PathBuf>) -> Self {
        let mut database = Self::default();
        let Some(home) = home.filter(|home| home.is_absolute() && home.is_dir()) else { return database };
        let (outer, inner) = (home.join(".pki"), home.join(".pki/nssdb"));
        for _ in 0..ATTEMPTS {
            for folder in [&outer, &inner] {
                // Others may not look into it (NSS's own are such).
                if DirBuilder::new().mode(0o700).create(folder).is_ok() && !database.made.contains(folder) {
                    database.made.insert(0, folder.clone());
                }
            }
            let Ok(file) = File::open(&inner) else { continue };
            // Another lab may be about to remove what it made.
            let is_locked = flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
            let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
            let is_there = file.metadata().map(id).ok() == fs::metadata(&inner).map(id).ok();
            if is_locked && is_there {
                (database.folder, database.lock) = (Some(inner), Some(file));
                break;
            }
        }
        database
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A folder that goes takes what is mounted over it along, in whichever lab.
        let is_ours_alone = self
            .lock
            .as_ref()
            .is_some_and(|file| flock(file, FlockOperation::NonBlockingLockExclusive).is_ok());
        for folder in self.made.iter().filter(|_| is_ours_alone) {
            // It stays if somebody outside uses it by now.
            let _in_use = fs::remove_dir(folder);
        }
    }
}

fn converse(
    line: &mut Line,
    helper: u32,
    wanted: &Wanted,
    opened: impl FnOnce(&Opened),
    spaces: &mut Option<Spaces>,
) -> Result<Ended, Failure> {
    line.tell(&ToHelper::Wanted(Box::new(wanted.clone()))).map_err(|error| gone(&error))?;
    let mut opened = Some(opened);
    loop {
        let message = line.hear().map_err(|error| gone(&error))?;
        match message.ok_or_else(|| gone(&io::ErrorKind::UnexpectedEof.into()))? {
            FromHelper::Apart { has_users } => {
                *spaces = Spaces::of(&helper.to_string());
                if has_users {
                    apart::map(helper, wanted.options.appear_as)
                        .map_err(|error| refusal::refused(apart::Step::Map, &error, &refusal::file))?;
                }
                line.tell(&ToHelper::Mapped).map_err(|error| gone(&error))?;
            }
            FromHelper::Opened(what) => {
                if let Some(opened) = opened.take() {
                    opened(&what);
                }
            }
            FromHelper::Failed(failure) => return Err(failure),
            FromHelper::Ended { code, failure } => return Ok(Ended { code, failure }),
        }
    }
}

fn gone(error: &io::Error) -> Failure {
    Failure::new(FailureKind::Broken, format!("the lab's helper has ended: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_left_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let of = |path: &Path| Database::of(Some(path.into()));
        let (pki, nssdb) = (home.path().join(".pki"), home.path().join(".pki/nssdb"));
        let database = of(home.path());
        assert!(nssdb.is_dir() && database.folder.as_ref() == Some(&nssdb));
        drop(database);
        assert!(!pki.exists());
        // What is another's stays, and what somebody uses by now.
        fs::create_dir(&pki).unwrap();
        drop(of(home.path()));
        assert!(pki.is_dir() && !nssdb.exists());
        let database = of(home.path());
        fs::write(nssdb.join("cert9.db"), "").unwrap();
        drop(database);
        assert!(nssdb.join("cert9.db").exists());
    }

    #[test]
    fn a_folder_that_another_lab_uses_stays() {
        let home = tempfile::tempdir().unwrap();
        let (first, second) =
            (Database::of(Some(home.path().into())), Database::of(Some(home.path().into())));
        drop(first);
        assert!(second.folder.as_ref().is_some_and(|folder| folder.is_dir()));
    }

    #[test]
    fn who_has_no_home_has_no_database() {
        for home in [None, Some("/no/such/home".into()), Some("relative".into()), Some("/dev/null".into())] {
            assert!(Database::of(home).folder.is_none());
        }
    }

    #[test]
    fn a_command_is_checked_before_anything_is_made() {
        let kind = |command: &[&str], options: &Options| {
            let command: Vec<OsString> = command.iter().map(OsString::from).collect();
            check(&command, options).map_err(|failure| failure.kind)
        };
        let named = |name: &str| Options { names: vec![name.into()], ..Options::default() };
        assert_eq!(kind(&[], &Options::default()), Err(FailureKind::Invalid));
        assert_eq!(kind(&["true"], &named("a b")), Err(FailureKind::Invalid));
        assert_eq!(kind(&["true"], &named("login.test")), Ok(()));
    }
}
