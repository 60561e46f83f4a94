//! This process among others: what it keeps from them, and who may end it.
use crate::control::{Failure, FailureKind};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, getppid, getrlimit, set_dumpable_behavior, setrlimit,
};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Keeps private keys out of core files, and out of the reach of other processes of the same user.
///
/// Neither can fail where it matters: a lower limit is always allowed, and the second is an argument that the
/// kernel knows.
pub fn harden() {
    let before = *LIMIT_BEFORE.get_or_init(|| getrlimit(Resource::Core));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..before });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Never again a core file, of this process or of any that it starts.
pub fn forgo_core_files() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// The limit for core files as this process found it.
static LIMIT_BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Starts a process that gets the limit for core files that this one got: it has secrets of its own. Ours are
/// kept all the same, by the second measure of [`harden`].
pub fn as_before<T>(start: impl FnOnce() -> T) -> T {
    if let Some(before) = LIMIT_BEFORE.get() {
        let _ = setrlimit(Resource::Core, *before);
    }
    let started = start();
    harden();
    started
}

/// How long after the first signal the second comes if somebody sends it on purpose. Before that it is the same
/// one again: timeout(1) and many a wrapper send it to the process and to its group.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// Calls `stop` at the first SIGINT, SIGTERM or SIGHUP. At the next one on purpose the process ends at once, so
/// that nobody has to wait for a stop that hangs.
///
/// # Errors
/// If the signals cannot be caught.
pub fn on_signal(stop: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    drop(_inside);
    let mut stop = Some(stop);
    let mut stopped = Instant::now();
    let wait = move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                match stop.take() {
                    Some(stop) => {
                        stopped = Instant::now();
                        stop();
                    }
                    None if stopped.elapsed() < SAME_SIGNAL => {}
                    None => exit(130),
                }
            }
        });
    };
    thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}

/// Whether a signal has asked for an end, for work that looks between its steps.
///
/// # Errors
/// Those of [`on_signal`].
pub fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = stopped.clone();
    on_signal(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot catch signals: {error}")))?;
    Ok(stopped)
}

/// The process that started this one. A death signal would come when the *thread* ends that started us, so the
/// question is asked again and again instead.
#[derive(Clone, Copy, Debug)]
pub struct Parent(Option<Pid>);

impl Parent {
    /// Whoever is the parent now.
    pub fn now() -> Self {
        Self(getppid())
    }

    /// Whether it has ended.
    pub fn is_gone(self) -> bool {
        getppid() != self.0
    }
}
