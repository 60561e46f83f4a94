//! `fauxkey browser`: a browser whose pages see the devices, by the best way that there is here; and `fauxkey extension`.
//!
//! | route | module | who is the client |
//! |---|---|---|
//! | exec | `super::exec` | the browser itself |
//! | extension | `devtools` (Chromium), `bidi` (Firefox) | the browser's proxy and fauxkey, or the shim and fauxkey |
//! | script | `devtools`, `script` | the shim and fauxkey |
//!
//! `driven` is a browser that a program has in its hands, by any of them: `super::matrix`. What it does to the page is `tab`,
//! by DevTools (`devtools_tab`) or BiDi (`bidi`); `screen` is for what has to be seen.
mod bidi;
mod devtools;
mod devtools_tab;
pub(super) mod driven;
mod pipe;
pub(super) mod programs;
mod screen;
mod script;
pub(super) mod tab;

use super::trace::Recorder;
use super::{Context, Exit, Stop, exec, run};
use crate::cli::{Attach, Browser, Cli, Door, Extension, Route, Run, Verb};
use crate::control::{Control, Failure, FailureKind};
use crate::drivers::exec::Place;
use crate::extension::{self, Pairing};
use crate::output::quoted;
use crate::page::{Choice, Front};
use crate::process;
use crate::remote::Remote;
use clap::Parser;
use programs::{Family, Found};
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tempfile::TempDir;

/// How often it is looked whether the browser has been closed.
const LOOK: Duration = Duration::from_millis(100);
/// How long a browser may take to close by itself.
const CLOSE: Duration = Duration::from_secs(5);

pub(super) fn extension(context: &Context, arguments: &Extension) -> Result<Exit, Stop> {
    let choice = Choice {
        device: arguments.device.clone(),
        client: arguments.client.map(|client| client.to_string()),
    };
    let remote = match Remote::from_environment(&context.home)? {
        Some(remote) => Some(remote),
        None => Remote::running(&context.home),
    };
    let pairing = remote.as_ref().map(|remote| remote.pairing(choice));
    if arguments.pairing {
        let pairing = pairing.ok_or_else(|| {
            Failure::new(FailureKind::Conflict, "no instance of fauxkey is running")
                .hint("start it with `fauxkey run` in another terminal")
        })?;
        // It is to be copied as it is, in both forms.
        context.output.document(&pairing)?;
        return Ok(Exit::Done);
    }
    extension::write(&arguments.folder, pairing.as_ref())?;
    let folder = std::path::absolute(&arguments.folder)?;
    if pairing.is_none() {
        context.output.note(
            "no instance runs, so the package is paired with none: `fauxkey extension --help` says how",
        );
    }
    let document = json!({ "folder": folder, "paired": remote.as_ref().map(Remote::url) });
    context.output.result(&document, || folder.display().to_string())?;
    Ok(Exit::Done)
}

pub(super) fn browser(context: &Context, arguments: &Browser) -> Result<Exit, Stop> {
    let found = programs::find(arguments.browser.as_deref())?;
    let route = match arguments.route {
        Route::Auto => best(&found),
        Route::Script if found.family == Family::Firefox => {
            return Err(Failure::new(
                FailureKind::Refused,
                "Firefox has no pipe of DevTools for the route script",
            )
            .hint("take --route extension")
            .into());
        }
        route => route,
    };
    let data = match &arguments.data {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            Data { folder: std::path::absolute(folder)?, _temporary: None }
        }
        None if arguments.print => Data { folder: "PROFILE".into(), _temporary: None },
        None => {
            let temporary = tempfile::Builder::new().prefix("fauxkey-browser-").tempdir()?;
            Data { folder: temporary.path().into(), _temporary: Some(temporary) }
        }
    };
    if arguments.print {
        return print(context, arguments, &found, route, &data.folder);
    }
    context.output.detail(&format!("{} by {}", found.path.display(), word(route)));
    if found.family == Family::Firefox {
        programs::write_preferences(&data.folder)?;
    }
    match route {
        Route::Exec => {
            let words = exec_words(arguments, &found, &data.folder);
            match Cli::try_parse_from(words).map(|cli| cli.verb) {
                Ok(Some(Verb::Exec(arguments))) => exec::exec(context, &arguments),
                _ => Err(Failure::new(
                    FailureKind::Broken,
                    "cannot hand the browser to exec: a bug in fauxkey",
                )
                .into()),
            }
        }
        _ => beside(context, arguments, &found, route, &data.folder),
    }
}

/// The browser's own profile.
struct Data {
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

/// The first that works here.
fn best(found: &Found) -> Route {
    let lets_in = exec::program::find(found.path.as_os_str()).is_ok();
    match crate::drivers::exec::library() {
        Some(_) if lets_in => Route::Exec,
        _ => Route::Extension,
    }
}

fn word(route: Route) -> &'static str {
    match route {
        Route::Auto => "auto",
        Route::Exec => "exec",
        Route::Extension => "extension",
        Route::Script => "script",
    }
}

/// `fauxkey exec` with the browser.
fn exec_words(arguments: &Browser, found: &Found, data: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["fauxkey".into(), "exec".into()];
    let mut flag = |name: &str, value: Option<&OsStr>| {
        if let Some(value) = value {
            words.extend([name.into(), value.into()]);
        }
    };
    flag("--device", arguments.device.as_ref().map(OsStr::new));
    flag("--profile", arguments.profile.as_ref().map(OsStr::new));
    flag("--trace", arguments.trace.as_ref().map(|path| path.as_os_str()));
    if arguments.ephemeral {
        words.push("--ephemeral".into());
    }
    words.push("--".into());
    words.push(found.path.clone().into());
    words.extend(found.flags(data));
    words.extend(arguments.arguments.iter().cloned());
    words.push(arguments.url.clone().into());
    words
}

/// The lines that a person would type.
fn print(
    context: &Context,
    arguments: &Browser,
    found: &Found,
    route: Route,
    data: &Path,
) -> Result<Exit, Stop> {
    let line = |words: &[OsString]| {
        words.iter().map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    };
    let start = |more: &[&str]| {
        let mut words = vec![found.path.clone().into_os_string()];
        words.extend(found.flags(data));
        words.extend(more.iter().map(|flag| OsString::from(*flag)));
        words.extend(arguments.arguments.iter().cloned());
        words.push(arguments.url.clone().into());
        line(&words)
    };
    let lines = match route {
        Route::Exec | Route::Auto => vec![line(&exec_words(arguments, found, data))],
        Route::Extension if found.family == Family::Firefox => {
            let load =
                "# about:debugging, This Firefox, Load Temporary Add-on, fauxkey-extension/manifest.json";
            vec!["fauxkey extension fauxkey-extension".into(), start(&[]), load.into()]
        }
        Route::Extension => {
            let load = [
                "--load-extension=fauxkey-extension",
                "--disable-features=DisableLoadExtensionCommandLineSwitch",
            ];
            vec!["fauxkey extension fauxkey-extension".into(), start(&load)]
        }
        // What is said over the pipe cannot be typed.
        Route::Script => vec![format!("{}  # and DevTools at descriptors 3 and 4", start(&devtools::FLAGS))],
    };
    let document = json!({ "route": word(route), "browser": found.path, "commands": lines });
    context.output.result(&document, || lines.join("\n"))?;
    Ok(Exit::Done)
}

/// Who has the devices.
enum Source {
    Here(Box<run::Running>),
    There(Arc<Remote>, Option<Recorder>),
}

impl Source {
    fn reach(context: &Context, arguments: &Browser) -> Result<Self, Stop> {
        if !arguments.ephemeral {
            let remote = match Remote::from_environment(&context.home)? {
                Some(remote) => Some(remote),
                None => Remote::running(&context.home),
            };
            if let Some(remote) = remote {
                if arguments.profile.is_some() {
                    let message = format!("the devices belong to the instance at {}", remote.url());
                    return Err(Failure::new(FailureKind::Conflict, message)
                        .hint("give --device with one of them, or --ephemeral for a new one of that profile")
                        .into());
                }
                let record = |file: &PathBuf| Recorder::start(context.output, &remote, file);
                let recorder = arguments.trace.as_ref().map(record).transpose()?;
                return Ok(Self::There(Arc::new(remote), recorder));
            }
        }
        let run = Run {
            attach: vec![Attach { device: None, doors: vec![Door::Socket] }],
            trace: arguments.trace.clone(),
            ephemeral: arguments.ephemeral,
            ..exec::run_of(arguments.device.as_deref(), arguments.profile.as_deref(), None)
        };
        let running = run::start(context, &run, &Place::new(context.home.exec()))?;
        Ok(Self::Here(Box::new(running)))
    }

    fn control(&self) -> Arc<dyn Control + Send + Sync> {
        match self {
            Self::Here(running) => running.instance.clone(),
            Self::There(remote, _) => remote.clone(),
        }
    }

    fn pairing(&self, choice: Choice) -> Pairing {
        match self {
            Self::Here(running) => Pairing::new(&running.served.url, &running.served.token, choice),
            Self::There(remote, _) => remote.pairing(choice),
        }
    }
}

/// A browser, and fauxkey beside it as long as it runs.
fn beside(
    context: &Context,
    arguments: &Browser,
    found: &Found,
    route: Route,
    data: &Path,
) -> Result<Exit, Stop> {
    let (wake, woken) = mpsc::channel();
    let stop = move || {
        // It may have been closed already.
        let _over = wake.send(());
    };
    process::on_signal(stop)
        .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot catch signals: {error}")))?;
    let source = Source::reach(context, arguments)?;
    let ended = open(context, arguments, found, route, data, &source).map(|mut opened| {
        // Until the browser is closed, or we are.
        while woken.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
            if matches!(opened.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
        }
        opened.close();
    });
    match source {
        Source::Here(running) => running.stop(),
        Source::There(_, Some(recorder)) => recorder.finish(true),
        Source::There(_, None) => {}
    }
    ended?;
    Ok(Exit::Done)
}

/// A browser that runs.
struct Opened {
    child: Child,
    /// What is needed as long as it does.
    _package: Option<TempDir>,
    _line: Box<dyn Send>,
}

impl Opened {
    fn close(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid
            && matches!(self.child.try_wait(), Ok(None))
        {
            // It may have ended a moment ago.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let begun = std::time::Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > CLOSE {
                let _gone = self.child.kill();
                let _status = self.child.wait();
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn open(
    context: &Context,
    arguments: &Browser,
    found: &Found,
    route: Route,
    data: &Path,
    source: &Source,
) -> Result<Opened, Failure> {
    let choice = Choice {
        device: arguments.device.clone(),
        client: arguments.client.map(|client| client.to_string()),
    };
    let package = || -> Result<TempDir, Failure> {
        let folder = tempfile::Builder::new().prefix("fauxkey-extension-").tempdir();
        let folder = folder.map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot make a folder for the extension: {error}"))
        })?;
        extension::write(folder.path(), Some(&source.pairing(choice.clone())))?;
        Ok(folder)
    };
    let started = programs::Start {
        found,
        data,
        any_certificate: arguments.any_certificate,
        environment: &[],
        more: &arguments.arguments,
        verbose: context.output.verbose,
    };
    if found.family == Family::Firefox {
        let package = package()?;
        let (child, line) = bidi::open(&started, package.path(), &arguments.url)?;
        return Ok(Opened { child, _package: Some(package), _line: Box::new(line) });
    }
    let mut devtools = devtools::Browser::start(&started)?;
    let mut kept = None;
    if route == Route::Extension {
        let folder = package()?;
        match devtools.load_extension(folder.path()) {
            Ok(()) => kept = Some(folder),
            Err(why) if arguments.route == Route::Extension => {
                devtools.kill();
                return Err(Failure::new(
                    FailureKind::Refused,
                    format!("the browser takes no extension: {why}"),
                )
                .hint("take --route script"));
            }
            Err(why) => context.output.detail(&format!("it takes no extension ({why}), so by script")),
        }
    }
    let front = kept.is_none().then(|| Arc::new(Front::new(source.control(), choice)));
    let (child, line) = devtools.open(front, &arguments.url)?;
    Ok(Opened { child, _package: kept, _line: Box::new(line) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_shell_would_change_is_quoted() {
        for (word, text) in [
            ("--headless=new", "--headless=new"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", r"'it'\''s'"),
            ("a?b=c&d", "'a?b=c&d'"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }

    #[test]
    fn exec_takes_what_it_is_handed() {
        let words = [
            "fauxkey",
            "browser",
            "--device",
            "key",
            "--ephemeral",
            "https://a.test",
            "--",
            "--headless=new",
        ];
        let Ok(Some(Verb::Browser(arguments))) = Cli::try_parse_from(words).map(|cli| cli.verb) else {
            panic!()
        };
        let found = Found { path: "/usr/bin/chromium".into(), family: Family::Chromium };
        let words = exec_words(&arguments, &found, Path::new("/p"));
        let Ok(Some(Verb::Exec(exec))) = Cli::try_parse_from(&words).map(|cli| cli.verb) else {
            panic!("{words:?}")
        };
        assert_eq!((exec.device.as_deref(), exec.ephemeral), (Some("key"), true));
        let program: Vec<_> = exec.program.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(program[0], "/usr/bin/chromium");
        assert!(
            program.contains(&"--user-data-dir=/p")
                && program.ends_with(&["--headless=new", "https://a.test"])
        );
    }
}
