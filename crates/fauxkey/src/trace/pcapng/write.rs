//! Lines into a capture: CTAPHID's reports as USB transfers on Linux (LINKTYPE_USB_LINUX_MMAPPED), whole messages as
//! they are (LINKTYPE_USER0), and everything else that a line says as a comment.
use super::usb::{self, Transfer};
use crate::trace::ctaphid;
use crate::trace::line::{Carrier, Kind, Line};
use crate::trace::show;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{PcapNgWriteError, PcapNgWriter};
use pcap_file::{DataLink, Endianness};
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::ctaphid::{MAX_MESSAGE_SIZE, Report, fragment};
use wire::hex;

/// The interfaces of the file, in the order of their numbers.
const USB: u32 = 0;
const MESSAGES: u32 = 1;

/// Writes a capture. What is written so far is a whole file after every line.
pub struct Writer<W: Write> {
    file: PcapNgWriter<W>,
    /// When the trace began, in seconds since 1970.
    began: f64,
    /// What passes for the address of each device's link on the bus.
    addresses: HashMap<(String, usize), u16>,
    packets: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// Those of the file.
    pub fn new(to: W) -> io::Result<Self> {
        let mut file = PcapNgWriter::with_endianness(to, Endianness::Little).map_err(failed)?;
        for (linktype, name) in [(DataLink::USB_LINUX_MMAPPED, "CTAPHID"), (DataLink::USER0, "messages")] {
            let options = vec![InterfaceDescriptionOption::IfName(name.into())];
            let interface = InterfaceDescriptionBlock { linktype, snaplen: 0, options };
            file.write_pcapng_block(interface).map_err(failed)?;
        }
        Ok(Self { file, began: 0.0, addresses: HashMap::new(), packets: 0 })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Those of the file.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        if line.kind == Kind::Trace
            && let Ok(began) = OffsetDateTime::parse(&line.text, &Rfc3339)
        {
            self.began =
                Duration::try_from(began - OffsetDateTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        }
        let reports = reports(line);
        let mut comment = Some(show::line(line, false));
        for report in &reports {
            let transfer = self.transfer(line, *report);
            let packet = usb::write(&transfer, self.packets, self.began + line.at);
            self.packet(USB, line.at, &packet, comment.take())?;
        }
        if reports.is_empty() {
            let bytes = line.bytes.as_deref().and_then(hex::decode).unwrap_or_default();
            self.packet(MESSAGES, line.at, &bytes, comment)?;
        }
        Ok(())
    }

    fn transfer(&mut self, line: &Line, report: Report) -> Transfer {
        let wire = line.wire.as_ref().expect("reports are of messages");
        let next = u16::try_from(self.addresses.len() + 1).unwrap_or(u16::MAX);
        let device = *self.addresses.entry((line.device.clone(), wire.port)).or_insert(next);
        Transfer { bus: 1, device, towards: wire.towards, report }
    }

    fn packet(&mut self, interface_id: u32, at: f64, data: &[u8], comment: Option<String>) -> io::Result<()> {
        self.packets += 1;
        let comment = comment.map(|text| EnhancedPacketOption::Common(CommonOption::Comment(text.into())));
        let packet = EnhancedPacketBlock {
            interface_id,
            timestamp: Duration::from_secs_f64((self.began + at).max(0.0)),
            original_len: u32::try_from(data.len()).map_err(io::Error::other)?,
            data: data.into(),
            options: comment.into_iter().collect(),
        };
        self.file.write_pcapng_block(packet).map(drop).map_err(failed)
    }
}

/// The reports that carried a message.
fn reports(line: &Line) -> Vec<Report> {
    let Some(wire) = line.wire.as_ref().filter(|wire| wire.carrier == Carrier::Ctaphid) else {
        return Vec::new();
    };
    let parts = || {
        let channel = u32::from_str_radix(&wire.channel, 16).ok()?;
        let (command, mut payload) = (ctaphid::named(&wire.command)?, hex::decode(line.bytes.as_deref()?)?);
        let came = fragment(channel, command, payload.get(..payload.len().min(MAX_MESSAGE_SIZE))?).len();
        // What announced more than it brought did so in its first report.
        payload.resize(wire.announced.unwrap_or(payload.len()).min(MAX_MESSAGE_SIZE), 0);
        let mut reports = fragment(channel, command, &payload);
        reports.truncate(came);
        Some(reports)
    };
    parts().unwrap_or_default()
}

fn failed(error: PcapNgWriteError) -> io::Error {
    match error {
        PcapNgWriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}
