//! `fauxkey completions` and `fauxkey man`, from the definition of the command line.
use super::{Exit, Stop};
use crate::cli::{self, Completions, Man};
use crate::control::{Failure, FailureKind};
use crate::output::Output;
use std::fs;

pub(super) fn completions(output: &Output, arguments: &Completions) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::definition(), "fauxkey", &mut script);
    output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

pub(super) fn man(output: &Output, arguments: &Man) -> Result<Exit, Stop> {
    let Some(dir) = &arguments.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(cli::definition()).render(&mut page)?;
        output.text(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Done);
    };
    let cannot = |error: std::io::Error| {
        Failure::new(FailureKind::Broken, format!("cannot write man pages to {}: {error}", dir.display()))
    };
    fs::create_dir_all(dir).map_err(cannot)?;
    clap_mangen::generate_to(cli::definition(), dir).map_err(cannot)?;
    output.inform(&format!("man pages are in {}", dir.display()));
    Ok(Exit::Done)
}
