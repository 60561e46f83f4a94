//! A capture into lines: reports out of interrupt transfers of 64 bytes, as Linux (usbmon) and Windows (USBPcap) capture
//! them.
use super::usb::{self, Transfer};
use crate::trace::collect::{Collector, Place};
use crate::trace::line::{Kind, Line};
use pcap_file::pcapng::{Block, PcapNgReader};
use std::collections::HashSet;
use std::time::Duration;
use wire::ctaphid::{MAX_MESSAGE_SIZE, Packet};

/// The lines of a capture.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn read(bytes: &[u8]) -> Result<Vec<Line>, String> {
    let mut file = PcapNgReader::new(bytes).map_err(|error| error.to_string())?;
    let mut transfers = Vec::new();
    while let Some(block) = file.next_block() {
        let (block, state) = block.map_err(|error| error.to_string())?;
        let Block::EnhancedPacket(packet) = block else { continue };
        let interface = usize::try_from(packet.interface_id).ok().and_then(|id| state.interfaces().get(id));
        if let Some(interface) = interface
            && let Some(transfer) = usb::read(interface.linktype, state.endianness(), &packet.data)
        {
            transfers.push((packet.timestamp, transfer));
        }
    }
    // Keyboards and mice have interrupt transfers too.
    let of = |transfer: &Transfer| (transfer.bus, transfer.device);
    let keys: HashSet<_> =
        transfers.iter().filter(|(_, it)| begins_ctaphid(it)).map(|(_, it)| of(it)).collect();
    let began = transfers.first().map_or(Duration::ZERO, |(at, _)| *at);
    let mut lines = vec![Line {
        text: format!(
            "{} reports of FIDO devices",
            transfers.iter().filter(|(_, it)| keys.contains(&of(it))).count()
        ),
        ..Line::new(0.0, "", Kind::Trace, "packet capture")
    }];
    let mut collector = Collector::default();
    for (at, transfer) in transfers.iter().filter(|(_, it)| keys.contains(&of(it))) {
        let device = format!("usb-{}.{}", transfer.bus, transfer.device);
        let (at, towards) = (at.saturating_sub(began), transfer.towards);
        let place = Place { at, device: &device, towards, link: "usb", port: 0 };
        lines.extend(collector.report(place, &transfer.report));
    }
    Ok(lines)
}

fn begins_ctaphid(transfer: &Transfer) -> bool {
    match Packet::parse(&transfer.report) {
        Packet::Initialization { command, len, .. } => command.name().is_some() && len <= MAX_MESSAGE_SIZE,
        Packet::Continuation { .. } => false,
    }
}
