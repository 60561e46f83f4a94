//! The lab's network, by rtnetlink(7): a loopback, which begins down in a new namespace, and a pair of interfaces that
//! lead to each other, so that browsers do not call themselves offline (`navigator.onLine`). There is no way out.
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use std::{fs, io};

/// RTM_NEWLINK, which changes a link, too, and RTM_NEWADDR.
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
/// NLM_F_REQUEST and NLM_F_ACK.
const REQUEST: u16 = 1 | 4;
/// NLM_F_EXCL and NLM_F_CREATE.
const CREATE: u16 = 0x200 | 0x400;
/// NLMSG_ERROR, which is an acknowledgement, too: with error 0.
const ERROR: u16 = 2;

/// The loopback is the first link of every namespace, and kernels may have others follow.
const LOOPBACK: i32 = 1;
const PAIR: [i32; 2] = [1000, 1001];
/// IFF_UP.
const UP: u32 = 1;
/// AF_INET.
const INET: u8 = 2;

/// IFLA_IFNAME and IFLA_LINKINFO, IFLA_INFO_KIND and IFLA_INFO_DATA below that, VETH_INFO_PEER below that.
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const PEER: u16 = 1;
/// IFA_ADDRESS and IFA_LOCAL.
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;

/// A network that is for examples (RFC 5737), so that it is nobody's.
const OURS: [u8; 4] = [192, 0, 2, 1];
const PREFIX: u8 = 24;

/// Brings the loopback up, and lets everybody listen on every port of it.
pub(super) fn loopback() -> io::Result<()> {
    ask(NEW_LINK, REQUEST, &link(LOOPBACK, UP))?;
    // Where /proc/sys cannot be written, as in many containers, the usual limit stays.
    let _as_usual = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    Ok(())
}

/// Makes the pair. It fails where the kernel has no veth(4).
pub(super) fn pair() -> io::Result<()> {
    let [one, other] = PAIR.map(|index| link(index, 0));
    let peer = [&other[..], &attribute(NAME, b"lab1\0")].concat();
    let data = attribute(INFO_DATA, &attribute(PEER, &peer));
    let info = attribute(LINK_INFO, &[attribute(INFO_KIND, b"veth"), data].concat());
    ask(NEW_LINK, REQUEST | CREATE, &[&one[..], &attribute(NAME, b"lab0\0"), &info].concat())?;
    // Neither can be up before the other is there.
    for index in PAIR {
        ask(NEW_LINK, REQUEST, &link(index, UP))?;
    }
    // `struct ifaddrmsg`: flags and scope stay 0.
    let mut header = vec![INET, PREFIX, 0, 0];
    header.extend(PAIR[0].to_ne_bytes());
    let addresses = [attribute(LOCAL, &OURS), attribute(ADDRESS, &OURS)].concat();
    ask(NEW_ADDRESS, REQUEST | CREATE, &[header, addresses].concat())
}

/// `struct ifinfomsg` of a link with flags that it is to have.
fn link(index: i32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    // Which of the flags are to change.
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// `struct rtattr` with its value, filled up to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("attributes are short");
    let mut attribute = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

/// Sends one request, and waits for its acknowledgement. Numbers are in the byte order of this machine.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    // NETLINK_ROUTE is protocol 0.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let length = u32::try_from(16 + body.len()).expect("requests are short");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
    // Sequence number and port.
    message.extend([0; 8]);
    message.extend(body);
    // Without an address it goes to the kernel, and the answer is there when this returns.
    send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 512];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::DONTWAIT)?;
    acknowledged(answer.get(..length).unwrap_or_default())
}

/// Reads `struct nlmsgerr` behind the header.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(ERROR), Some(0)) => Ok(()),
        (Some(ERROR), Some(error)) => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_error_0() {
        let answer = |kind: u16, error: i32| {
            let mut message = [0; 36];
            message[4..6].copy_from_slice(&kind.to_ne_bytes());
            message[16..20].copy_from_slice(&error.to_ne_bytes());
            message
        };
        assert!(acknowledged(&answer(2, 0)).is_ok());
        // EPERM is 1.
        assert_eq!(acknowledged(&answer(2, -1)).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(acknowledged(&answer(3, 0)).is_err());
        assert!(acknowledged(&answer(2, 0)[..19]).is_err());
        assert!(acknowledged(&[]).is_err());
    }

    #[test]
    fn attributes_say_their_length_and_are_filled_up() {
        let name = attribute(NAME, b"lab0\0");
        assert_eq!(name.len(), 12);
        assert_eq!(name[..2], 9_u16.to_ne_bytes());
        assert_eq!(name[2..], [&3_u16.to_ne_bytes()[..], b"lab0\0\0\0\0"].concat());
    }
}
