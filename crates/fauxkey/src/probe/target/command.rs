//! Programs that are asked instead of a server.
use crate::{child, process};
use probe::target::{Session, TargetError};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use url::Url;
use zeroize::Zeroizing;

/// Bytes of an answer that are taken in.
const LONGEST_ANSWER: u64 = 1 << 20;

/// A program that has ended.
pub struct Ran {
    /// What it printed.
    pub output: Zeroizing<String>,
    /// Its exit status, or 128 and the number of the signal that ended it.
    pub ended: u8,
    /// How long it took.
    pub took: Duration,
}

/// The name that a program knows the session by.
pub const fn word(session: Session) -> &'static str {
    match session {
        Session::First => "first",
        Session::Second => "second",
    }
}

/// Runs a program in that folder to its end, with `input` on its standard input.
///
/// # Errors
/// Gone if it cannot be started; Failed if it takes too long or prints too much.
pub fn run(
    words: &[String],
    input: &str,
    session: Session,
    url: Option<&Url>,
    folder: &Path,
    timeout: Duration,
) -> Result<Ran, TargetError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(TargetError::Failed("no program is named".into()));
    };
    // A path is from the target's folder, and a name is one of PATH.
    let path = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut command = Command::new(path);
    command.args(arguments).current_dir(folder).env("FAUXKEY_SESSION", word(session));
    command.env("FAUXKEY_URL", url.map(Url::as_str).unwrap_or_default().trim_end_matches('/'));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = process::as_before(|| command.spawn())
        .map_err(|error| TargetError::Gone(format!("cannot start {program}: {error}")))?;
    let broken = |error: std::io::Error| TargetError::Failed(format!("{program}: {error}"));
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let input = Zeroizing::new(input.to_owned());
    let writing = thread::spawn(move || {
        // A program need not read what it is told.
        let _unread = stdin.map(|mut stdin| stdin.write_all(input.as_bytes()));
    });
    let reading = thread::spawn(move || {
        let mut output = Zeroizing::new(Vec::new());
        let read = stdout.map(|stdout| stdout.take(LONGEST_ANSWER + 1).read_to_end(&mut output));
        read.transpose().map(|_| output)
    });
    let status = child::end_within(&mut child, timeout).map_err(broken)?;
    let took = began.elapsed();
    let Some(status) = status else {
        return Err(TargetError::Failed(format!("{program} did not end within {} s", timeout.as_secs_f64())));
    };
    let died = |_| TargetError::Failed(format!("{program}: nothing could be read of it"));
    writing.join().map_err(died)?;
    let output = reading.join().map_err(died)?.map_err(broken)?;
    if u64::try_from(output.len()).is_ok_and(|len| len > LONGEST_ANSWER) {
        return Err(TargetError::Failed(format!("{program} prints more than {LONGEST_ANSWER} bytes")));
    }
    let output = Zeroizing::new(String::from_utf8_lossy(&output).into_owned());
    Ok(Ran { output, ended: child::code(status), took })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, input: &str, timeout: Duration) -> Result<Ran, TargetError> {
        let words = ["sh", "-c", script].map(String::from);
        let url = Url::parse("http://localhost:8000/").unwrap();
        run(&words, input, Session::First, Some(&url), Path::new("/"), timeout)
    }

    #[test]
    fn a_program_hears_what_is_posted_and_is_told_session_and_url() {
        let ran =
            sh("cat; echo \" $FAUXKEY_SESSION $FAUXKEY_URL\"; exit 4", "posted", Duration::from_secs(10))
                .unwrap();
        assert_eq!((ran.output.as_str(), ran.ended), ("posted first http://localhost:8000\n", 4));
        // One that does not read is no less a program.
        let long = "x".repeat(1 << 20);
        assert_eq!(sh("exit 0", &long, Duration::from_secs(10)).unwrap().ended, 0);
    }

    #[test]
    fn a_program_that_hangs_prints_for_ever_or_is_not_there_is_no_answer() {
        assert!(matches!(sh("exec sleep 60", "", Duration::from_millis(50)), Err(TargetError::Failed(_))));
        let endless = sh("head -c 2000000 /dev/zero", "", Duration::from_secs(10));
        assert!(matches!(endless, Err(TargetError::Failed(_))));
        let none =
            run(&["/nowhere/x".into()], "", Session::First, None, Path::new("/"), Duration::from_secs(1));
        assert!(matches!(none, Err(TargetError::Gone(_))));
    }
}
