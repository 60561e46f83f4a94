//! What everybody sees first, and what is made from the same definition.
use super::{Home, fauxkey};
use std::collections::BTreeSet;
use std::process::Stdio;

/// The verbs below a verb, out of its help.
fn verbs_in(help: &str) -> Vec<String> {
    let Some((_, commands)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next().map(Into::into)).collect()
}

/// The path of every verb, as somebody who only reads help finds them.
fn all_verbs(home: &Home) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(path) = open.pop() {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = home.run(&arguments).done().stdout;
        for verb in verbs_in(&help) {
            let verb = [path.as_slice(), &[verb]].concat();
            open.push(verb.clone());
            found.push(verb);
        }
    }
    found
}

#[test]
fn without_arguments_there_is_a_short_help_with_an_example_and_the_warning() {
    let home = Home::new();
    let ran = home.run(&[]).done();
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("Software keys protect nothing"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Example:\n  fauxkey "), "{}", ran.stdout);
    assert!(ran.stdout.lines().count() <= 34, "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
}

#[test]
fn every_verb_has_help_with_an_example() {
    let home = Home::new();
    let verbs = all_verbs(&home);
    assert!(verbs.len() > 25, "{verbs:?}");
    for verb in &verbs {
        let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
        for flag in ["--help", "-h"] {
            let ran = home.run(&[verb.as_slice(), &[flag]].concat()).done();
            assert!(ran.stdout.contains("Example:\n  fauxkey "), "{verb:?}: {}", ran.stdout);
        }
    }
    assert!(!home.path().exists(), "help needs no home and makes none");
}

#[test]
fn the_version_is_a_result() {
    let ran = Home::new().run(&["--version"]).done();
    assert_eq!(ran.stdout, format!("fauxkey {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn there_are_completions_for_every_shell_and_they_know_every_verb() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.run(&["completions", shell]).done().stdout;
        for verb in ["passkey", "rename", "webauthn", "--origin", "--ready-file"] {
            assert!(script.contains(verb.trim_start_matches('-')), "{shell} lacks {verb}");
        }
    }
}

#[test]
fn there_is_a_man_page_for_every_verb() {
    let home = Home::new();
    let dir = home.folder.path().join("man");
    home.run(&["man", "--dir", &dir.display().to_string()]).done();
    let pages = std::fs::read_dir(&dir).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = pages.collect();
    let wanted = all_verbs(&home).into_iter().map(|verb| format!("fauxkey-{}.1", verb.join("-")));
    assert_eq!(pages, wanted.chain(["fauxkey.1".into()]).collect());
    let page = std::fs::read_to_string(dir.join("fauxkey-webauthn-create.1")).unwrap();
    assert!(page.contains(".SH OPTIONS") && page.contains("\\-\\-origin"), "{page}");
    assert!(page.contains("FAUXKEY_HOME"), "flags that every verb has are explained too: {page}");
    assert!(home.run(&["man"]).done().stdout.contains(".TH fauxkey 1"));
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let mut child =
        fauxkey(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = fauxkey(&["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, "fauxkey: cannot write the results: No space left on device (os error 28)\n");
}

#[test]
fn there_is_colour_only_where_it_is_wanted() {
    let home = Home::with_phone();
    let coloured = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = home.command(arguments);
        command.envs(variable);
        command.output().unwrap().stdout.contains(&0x1B)
    };
    assert!(!coloured(&["device", "list"], None), "a pipe is no terminal");
    assert!(coloured(&["--color", "always", "device", "list"], None));
    assert!(
        coloured(&["--color", "always", "device", "list"], Some(("NO_COLOR", "1"))),
        "asked for is asked for"
    );
    assert!(!coloured(&["--color", "never", "device", "list"], None));
}
