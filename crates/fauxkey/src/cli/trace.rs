//! `fauxkey trace`.
use clap::Args;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "\
Reads what --trace wrote, or a packet capture (pcapng) of a real key, as usbmon on Linux and USBPcap on Windows make
them. One line a message: when, device, which way, channel, command, CBOR in diagnostic notation, status and reason,
time. Secrets are zeros, named as hidden; --verbose adds the bytes.

Example:
  fauxkey trace --live
  fauxkey run --trace trace.jsonl
  fauxkey exec --trace login.pcapng -- chromium https://login.example.test
  fauxkey trace trace.jsonl
  fauxkey trace trace.jsonl --to trace.pcapng";

/// Which trace, and what to do with it.
#[derive(Args)]
pub struct Trace {
    /// A trace in JSON lines or pcapng; `-` reads standard input
    #[arg(value_name = "FILE", required_unless_present = "live")]
    pub file: Option<String>,
    /// What happens now on the devices of the running instance, until stopped
    #[arg(long, conflicts_with = "file")]
    pub live: bool,
    /// Only this device
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Write it to FILE instead: pcapng if the name ends so, else JSON lines
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}
