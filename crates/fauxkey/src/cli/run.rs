//! `fauxkey run` and `fauxkey up`.
use super::{Approval, FaultSource, Kind};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

pub(super) const EXAMPLE: &str = "\
Doors, for all devices or for one of them, several with commas between:
  socket   CTAPHID reports over a socket; see --socket
  exec     programs that fauxkey exec starts, and nothing else
  uhid     a HID device of this machine's kernel, through /dev/uhid: any program finds it
  pcsc     a card on the virtual reader of vsmartcard, for programs of PC/SC; see --pcsc
  usbip    a USB device for this or another machine's kernel; see --usbip
           Linux:    sudo modprobe vhci-hcd && sudo usbip attach -r 127.0.0.1 -b 1-1
           Windows:  usbip attach -r ADDRESS -b 1-1     (with usbip-win2)
  auto     a socket, exec, and uhid and pcsc where they work

Example:
  fauxkey run --approve ask
  fauxkey run --attach socket,usbip
  fauxkey run --device phone --device key=security-key --attach phone=socket --attach key=uhid,usbip

For a test harness:
  fauxkey run --ephemeral --ready-file ready.json --exit-with-parent";

/// What to run, where programs reach it, and who answers.
#[derive(Args)]
pub struct Run {
    /// Run only these devices, made if need be [default: all, or phone where there is none]
    #[arg(long, value_name = "NAME[=PROFILE]", value_delimiter = ',')]
    pub device: Vec<String>,
    /// Run the devices of this profile; one is made if there is none [default: ms-authenticator-ios]
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Where programs reach the devices: socket, exec, uhid, usbip, pcsc, auto [default: auto, everything that works here]
    #[arg(long, value_name = "[NAME=]DOOR,...")]
    pub attach: Vec<Attach>,
    /// Address of the socket: unix:PATH or tcp:127.0.0.1:PORT (a port of 0 takes a free one)
    #[arg(long, value_name = "ADDRESS")]
    pub socket: Option<String>,
    /// Address of the USB/IP server [default: 127.0.0.1:3240]
    #[arg(long, value_name = "ADDRESS")]
    pub usbip: Option<String>,
    /// Address of the virtual reader, vpcd's [default: 127.0.0.1:35963]
    #[arg(long, value_name = "ADDRESS")]
    pub pcsc: Option<String>,
    /// Let --usbip be an address that others reach: all of them can use the devices
    #[arg(long, requires = "usbip")]
    pub usbip_anywhere: bool,
    /// What the user does: approve (or auto), ask, deny, ignore, wrong-finger, account=N, after=2s, script=FILE
    /// [default: as the device has it]
    #[arg(long, value_name = "POLICY")]
    pub approve: Option<Approval>,
    /// What the devices do wrong on purpose: a fault, or a FILE of them; see fauxkey device fault
    #[arg(long, value_name = "FAULT|FILE")]
    pub fault: Vec<FaultSource>,
    /// Write what passes between platforms and devices to FILE: pcapng if its name ends so, else JSON lines
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Keep nothing on disk: a new device, gone when this ends
    #[arg(long)]
    pub ephemeral: bool,
    /// Make the same keys and credential IDs in each run with this number, and the same faults by chance
    #[arg(long, value_name = "NUMBER", requires = "ephemeral")]
    pub seed: Option<u64>,
    /// Address of the control API and the page; with --tls one that other hosts reach
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// A name by which other hosts ask for the API, such as that of a service container
    #[arg(long, value_name = "HOST")]
    pub listen_name: Vec<String>,
    /// Serve the API by TLS, with a certificate that is made at start: clients trust FAUXKEY_CA, a file of it
    #[arg(long)]
    pub tls: bool,
    /// Serve the API by TLS with this certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls")]
    pub tls_certificate: Option<PathBuf>,
    /// The key of --tls-certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Write what is there to FILE, as JSON, once everything listens
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when the process that started this one ends
    #[arg(long)]
    pub exit_with_parent: bool,
}

/// `fauxkey up`: the same, and a tenant.
#[derive(Args)]
pub struct Up {
    /// Devices
    #[command(flatten)]
    pub run: Run,
    /// What kind of tenant
    #[command(flatten)]
    pub kind: Kind,
    /// Address of the tenant; a port of 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS")]
    pub tenant_listen: Option<SocketAddr>,
}

/// Doors for one device or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach {
    /// Which device; all of which nothing else is said if `None`.
    pub device: Option<String>,
    /// At least one.
    pub doors: Vec<Door>,
}

impl FromStr for Attach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (device, doors) = match text.split_once('=') {
            Some((device, doors)) => (Some(device.to_owned()), doors),
            None => (None, text),
        };
        let door = |word: &str| {
            Door::from_str(word, false).map_err(|_| {
                let doors: Vec<_> =
                    Door::value_variants().iter().filter_map(Door::to_possible_value).collect();
                let names: Vec<_> = doors.iter().map(|door| door.get_name()).collect();
                format!("there is no door `{word}`; there are {}", names.join(", "))
            })
        };
        Ok(Self { device, doors: doors.split(',').map(door).collect::<Result<_, _>>()? })
    }
}

/// Where programs reach a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Door {
    /// Sockets, programs that `fauxkey exec` starts, and the kernel where that works.
    Auto,
    /// A socket that carries CTAPHID reports.
    Socket,
    /// Programs that `fauxkey exec` starts.
    Exec,
    /// A HID device of the kernel, through /dev/uhid.
    Uhid,
    /// A USB device for a USB/IP client.
    Usbip,
    /// A card on a virtual reader.
    Pcsc,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_for_one_device_or_for_all() {
        let attach = |text: &str| text.parse::<Attach>().unwrap();
        assert_eq!(attach("uhid"), Attach { device: None, doors: vec![Door::Uhid] });
        let doors = vec![Door::Socket, Door::Usbip];
        assert_eq!(attach("key=socket,usbip"), Attach { device: Some("key".into()), doors });
        for (text, word) in [("", ""), ("usb", "usb"), ("socket,", ""), ("key=", ""), ("a=b=uhid", "b=uhid")]
        {
            let error = text.parse::<Attach>().unwrap_err();
            assert_eq!(
                error,
                format!("there is no door `{word}`; there are auto, socket, exec, uhid, usbip, pcsc")
            );
        }
    }
}
