//! The loopback of a new network namespace, which begins down: one rtnetlink(7) request.
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use std::{fs, io};

/// `struct nlmsghdr` and `struct ifinfomsg`.
const LENGTH: usize = 16 + 16;

/// RTM_NEWLINK, which changes a link that exists.
const NEW_LINK: u16 = 16;
/// NLM_F_REQUEST and NLM_F_ACK.
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
/// NLMSG_ERROR, which is an acknowledgement, too: with error 0.
const ERROR: u16 = 2;
/// The loopback is the first link of every namespace.
const LOOPBACK: i32 = 1;
/// IFF_UP.
const UP: u32 = 1;

/// Brings it up, and lets everybody listen on every port of it.
pub(super) fn up() -> io::Result<()> {
    // NETLINK_ROUTE is protocol 0.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    // Without an address it goes to the kernel, and the answer is there when this returns.
    send(&socket, &request(), SendFlags::empty())?;
    let mut answer = [0; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::DONTWAIT)?;
    acknowledged(answer.get(..length).unwrap_or_default())?;
    // Where /proc/sys cannot be written, as in many containers, the usual limit stays.
    let _as_usual = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    Ok(())
}

/// The request, in the byte order of this machine.
fn request() -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    message[0..4].copy_from_slice(&(LENGTH as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&NEW_LINK.to_ne_bytes());
    message[6..8].copy_from_slice(&REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    // Sequence number and port stay 0; so do the family AF_UNSPEC and the type of the link.
    message[20..24].copy_from_slice(&LOOPBACK.to_ne_bytes());
    message[24..28].copy_from_slice(&UP.to_ne_bytes());
    // Which of the flags are to change.
    message[28..32].copy_from_slice(&UP.to_ne_bytes());
    message
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
}
