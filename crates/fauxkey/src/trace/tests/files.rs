use crate::output::Output;
use crate::trace::collect::{Collector, Place};
use crate::trace::file;
use crate::trace::line::{Kind, Line, Towards};
use crate::trace::{TraceFile, painted, read};
use clap::ColorChoice;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use wire::ctaphid::{Command, fragment};

/// Some lines of a key, with one that is in several reports and one that is broken off.
fn lines() -> Vec<Line> {
    let mut collector = Collector::default();
    let mut lines = vec![Line {
        text: "2026-11-28T08:00:00Z".into(),
        trace: Some(1),
        ..Line::new(0.0, "", Kind::Trace, "fauxkey 0.0.0")
    }];
    let mut say = |at, towards, command, payload: &[u8], reports: usize| {
        let place = Place { at: Duration::from_millis(at), device: "usb-1.1", towards, link: "usb", port: 0 };
        let whole = fragment(7, command, payload);
        for report in &whole[..reports.min(whole.len())] {
            lines.extend(collector.report(place, report));
        }
    };
    let info = [&[0, 0xA1, 0x01, 0x81, 0x68][..], b"FIDO_2_0"].concat();
    say(1, Towards::Device, Command::INIT, &[1; 8], 1);
    say(2, Towards::Device, Command::CBOR, &[0x04], 1);
    say(3, Towards::Platform, Command::CBOR, &info, 1);
    say(4, Towards::Device, Command::PING, &[9; 300], 99);
    say(5, Towards::Device, Command::CBOR, &[6; 300], 2);
    say(6, Towards::Device, Command::CANCEL, &[], 1);
    lines
}

fn written(name: &str, lines: &[Line]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut file = TraceFile::create(&path).unwrap();
    lines.iter().for_each(|line| file.write(line).unwrap());
    (folder, path)
}

#[test]
fn json_lines_are_read_as_they_were_written_and_are_for_this_user_alone() {
    let lines = lines();
    let (_folder, path) = written("trace.jsonl", &lines);
    assert_eq!(read("it", &std::fs::read(&path).unwrap()).unwrap(), lines);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_packet_capture_has_the_same_messages_at_the_same_times() {
    let lines = lines();
    let (_folder, path) = written("trace.PCAPNG", &lines);
    let read = read("it", &std::fs::read(&path).unwrap()).unwrap();
    // What is seen there begins with the first packet, a millisecond after the trace did.
    let seen = |lines: &[Line]| -> Vec<_> {
        let began = lines[1].at;
        let part = |line: &Line| {
            let at = ((line.at - began) * 1e3).round();
            (
                at,
                line.wire.clone(),
                line.name.clone(),
                line.text.clone(),
                line.bytes.clone(),
                line.hidden.clone(),
            )
        };
        lines[1..].iter().map(part).collect()
    };
    assert_eq!(seen(&read), seen(&lines));
    assert!(read.iter().any(|line| line.text.starts_with("broken off after 116 of 300")), "{read:?}");
}

#[test]
fn a_file_that_is_no_trace_is_refused_with_the_line_that_is_wrong() {
    let good = file::json(&Line::new(0.0, "", Kind::Trace, "fauxkey 0.0.0"));
    for (bytes, message) in [
        (b"".to_vec(), "cannot read the trace it: there are no lines in it"),
        (b"\xFF\xFE".to_vec(), "cannot read the trace it: byte 0 is neither text nor a packet capture"),
        (
            format!("{good}{{}}\n").into_bytes(),
            "cannot read the trace it: line 2 is no line of a trace: missing field `at`",
        ),
        (
            good.replace(r#""kind":"trace""#, r#""trace":2,"kind":"trace""#).into_bytes(),
            "cannot read the trace it: fauxkey 0.0.0 wrote it in a newer format",
        ),
    ] {
        let failure = read("it", &bytes).unwrap_err();
        assert!(failure.message.starts_with(message), "{failure}");
    }
    // The beginning of a capture, and no more.
    assert!(read("it", &[0x0A, 0x0D, 0x0D, 0x0A, 1, 2]).is_err());
}

#[test]
fn a_trace_from_a_stranger_cannot_play_with_the_terminal() {
    let evil = "\u{1b}[2J";
    let line = Line {
        text: evil.into(),
        reason: Some(evil.into()),
        status: Some(evil.into()),
        hidden: vec![evil.into()],
        ..Line::new(0.0, evil, Kind::Message, evil)
    };
    let output = Output::new(false, true, ColorChoice::Never);
    assert!(!painted(&output, &line).contains('\u{1b}'));
}

/// Captures as the systems make them, with a mouse on the same bus: usbmon's two headers and USBPcap's.
#[test]
fn captures_of_linux_and_windows_are_read_and_other_devices_left_out() {
    use pcap_file::pcapng::PcapNgWriter;
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
    use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock;
    use pcap_file::{DataLink, Endianness};
    let [report] = fragment(7, Command::CBOR, &[0x04])[..] else { panic!("one report") };
    let linux = |header: usize, kind: u8, endpoint: u8, device: u8, data: &[u8], big: bool| {
        let mut packet = vec![0; header];
        packet[8..12].copy_from_slice(&[kind, 1, endpoint, device]);
        packet[12..14].copy_from_slice(&if big { 3_u16.to_be_bytes() } else { 3_u16.to_le_bytes() });
        packet.extend(data);
        packet
    };
    let windows = |endpoint: u8, device: u8, data: &[u8]| {
        let mut packet = vec![0; 27];
        packet[..2].copy_from_slice(&27_u16.to_le_bytes());
        packet[17..19].copy_from_slice(&3_u16.to_le_bytes());
        packet[19..23].copy_from_slice(&[device, 0, endpoint, 1]);
        packet.extend(data);
        packet
    };
    for (linktype, endianness, packets) in [
        (DataLink::USB_LINUX_MMAPPED, Endianness::Little, {
            let of = |kind, endpoint, device, data: &[u8]| linux(64, kind, endpoint, device, data, false);
            // The completion of what the host sent carries nothing, nor does the submission of a wait.
            vec![
                of(b'S', 0x01, 5, &report),
                of(b'C', 0x01, 5, &[]),
                of(b'S', 0x81, 5, &[]),
                of(b'C', 0x81, 6, &[0; 64]),
            ]
        }),
        (DataLink::USB_LINUX, Endianness::Big, vec![linux(48, b'S', 0x02, 5, &report, true)]),
        (DataLink::USBPCAP, Endianness::Little, vec![windows(0x01, 5, &report), windows(0x81, 6, &[0; 64])]),
    ] {
        let mut file = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
        file.write_pcapng_block(InterfaceDescriptionBlock { linktype, snaplen: 0, options: vec![] }).unwrap();
        for data in packets {
            let original_len = u32::try_from(data.len()).unwrap();
            let packet =
                EnhancedPacketBlock { original_len, data: data.into(), ..EnhancedPacketBlock::default() };
            file.write_pcapng_block(packet).unwrap();
        }
        let lines = read("it", &file.into_inner()).unwrap();
        let seen: Vec<_> = lines[1..].iter().map(|line| (line.device.as_str(), line.name.as_str())).collect();
        assert_eq!(seen, [("usb-3.5", "authenticatorGetInfo")], "{linktype:?}");
    }
}
