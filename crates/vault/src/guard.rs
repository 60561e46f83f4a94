//! Calls into sled that may panic: on some damaged bytes it does, and then an error is wanted.
use std::any::Any;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};

/// How a call into sled ended, other than well.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Somebody else has the database open.
    Locked,
    /// There is no room.
    Full,
    /// What was read makes no sense, or made sled panic.
    Damaged(String),
    /// Anything else from the operating system.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => match error.kind() {
                // A file ends too early, or a large value's file is gone.
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::NotFound => {
                    Self::Damaged(error.to_string())
                }
                // sled's own words (config.rs, try_lock): there is no better mark.
                ErrorKind::Other if error.to_string().starts_with("could not acquire lock") => Self::Locked,
                _ => error.into(),
            },
            sled::Error::Corruption { at: Some(at), .. } => {
                Self::Damaged(format!("the page at byte {} of its log does not check", at.lid()))
            }
            sled::Error::Corruption { at: None, .. } => Self::Damaged("its page table does not check".into()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// Runs `call`, and makes a panic in it an error. The panic is told on stderr, as any other.
pub(crate) fn guarded<T, E: Into<Fault>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(Fault::Damaged(format!("sled panicked: {}", message(&*panic)))),
    }
}

/// As [`guarded`], and keeps the panic off stderr: for reading what may be damaged.
pub(crate) fn guarded_quietly<T, E: Into<Fault>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    quietly(|| guarded(call))
}

/// Keeps panics in `call` off stderr.
///
/// The panic hook belongs to the whole process. While at least one call is in here, a filter stands before it
/// that drops the panics of these calls and of sled's own threads, and hands on all others; then the hook that
/// was there before is put back. A hook that somebody else installs in that short while is lost.
pub(crate) fn quietly<T>(call: impl FnOnce() -> T) -> T {
    let _quiet = Quiet::begin();
    call()
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The hook that was there before, and how many calls are quiet now.
static BEFORE: Mutex<Option<(Arc<Hook>, usize)>> = Mutex::new(None);

thread_local! {
    static QUIET_HERE: Cell<bool> = const { Cell::new(false) };
}

struct Quiet {
    outermost_here: bool,
}

impl Quiet {
    /// `None` while this thread panics already, as the hook cannot be changed then.
    fn begin() -> Option<Self> {
        if std::thread::panicking() {
            return None;
        }
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *before {
            Some((_, calls)) => *calls += 1,
            None => {
                let hook = Arc::new(panic::take_hook());
                let next = hook.clone();
                panic::set_hook(Box::new(move |info| {
                    if !is_quiet() {
                        next(info);
                    }
                }));
                *before = Some((hook, 1));
            }
        }
        Some(Self { outermost_here: !QUIET_HERE.replace(true) })
    }
}

fn is_quiet() -> bool {
    let current = std::thread::current();
    let of_sled = current.name().is_some_and(|name| name.starts_with("sled-io-") || name == "log flusher");
    of_sled || QUIET_HERE.get()
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.outermost_here {
            QUIET_HERE.set(false);
        }
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((hook, calls)) = before.take() else { return };
        if calls > 1 || std::thread::panicking() {
            *before = Some((hook, calls - 1));
            return;
        }
        // The filter holds the other reference; taking it out lets go of that.
        drop(panic::take_hook());
        match Arc::try_unwrap(hook) {
            Ok(hook) => panic::set_hook(hook),
            Err(hook) => panic::set_hook(Box::new(move |info| hook(info))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_quiet_panic_becomes_an_error_and_the_hook_is_put_back() {
        static HEARD: AtomicUsize = AtomicUsize::new(0);
        let others = panic::take_hook();
        panic::set_hook(Box::new(|_| _ = HEARD.fetch_add(1, Ordering::SeqCst)));
        let boom = || -> Result<(), sled::Error> { panic!("boom {}", 1) };

        assert!(matches!(guarded_quietly(boom), Err(Fault::Damaged(why)) if why == "sled panicked: boom 1"));
        assert_eq!(HEARD.load(Ordering::SeqCst), 0, "a quiet panic was heard");

        let nested =
            || guarded_quietly(|| guarded_quietly(boom).or(Ok::<_, Fault>(()))).and_then(|()| guarded(boom));
        assert!(guarded_quietly(nested).is_err());
        assert_eq!(HEARD.load(Ordering::SeqCst), 0, "the outer call was no longer quiet");

        // A panic of somebody else meanwhile is heard.
        let other = || std::thread::spawn(|| panic!("elsewhere")).join().or(Ok::<_, Fault>(()));
        guarded_quietly(other).expect("the panic was elsewhere");
        assert_eq!(HEARD.load(Ordering::SeqCst), 1);

        assert!(guarded(boom).is_err());
        assert_eq!(HEARD.load(Ordering::SeqCst), 2, "the hook was not put back");
        panic::set_hook(others);
    }
}
