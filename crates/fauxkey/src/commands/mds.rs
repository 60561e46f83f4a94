//! `fauxkey mds`: metadata of virtual devices, in the shape of the FIDO Metadata Service.
use super::{Context, Exit, Stop};
use crate::ca::pem;
use crate::cli::Mds;
use crate::control::MetadataRequest;

pub(super) fn mds(context: &Context, arguments: Mds) -> Result<Exit, Stop> {
    let Mds { profiles, reports, no, next_update, out, root, payload } = arguments;
    let output = &context.output;
    let wanted = MetadataRequest { profiles, reports, no: Some(no), next_update };
    let made = context.reach()?.metadata(&wanted)?;
    if let Some(path) = root {
        output.file(&path, pem(&made.root.certificate.0).as_bytes())?;
    }
    let text = match payload {
        true => format!("{:#}\n", made.payload),
        // A reader that takes the file as it is would take a line feed for a part of the signature.
        false => made.blob.clone(),
    };
    match out {
        Some(path) => output.file(&path, text.as_bytes())?,
        None if output.json => output.document(&made)?,
        None => output.bytes(text.as_bytes())?,
    }
    Ok(Exit::Done)
}
