//! Command and response APDUs of FIDO: U2F messages, and CTAP2 in those of a smart card (CTAP 2.1 §11.3).
use super::tree::Node;
use super::{Fit, Kind, Stuck, ctap, messages};
use wire::apdu::{Command, Response, StatusWord};
use wire::ctap1::{AuthenticateResponse, Control, RegisterResponse, Request, VERSION};
use wire::ctap2::Command as Ctap2;

/// The FIDO application's identifier, CTAP 2.1 §11.3.3.
const AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x06, 0x47, 0x2F, 0x00, 0x01];

/// A command APDU: only one that can be nothing else.
pub(super) fn read_command(bytes: &[u8]) -> Result<Fit, Stuck> {
    let none = |why: &str| Stuck::at(0, why);
    let command = Command::decode(bytes).map_err(|invalid| none(invalid.0))?;
    let header = [command.class, command.instruction, command.p1, command.p2];
    let (name, mut inside, odd) = match header {
        [0x00, 0xA4, 0x04, 0x00 | 0x0C] if command.data == AID => {
            ("SELECT", vec![Node::bytes("application", &AID).note("FIDO")], Vec::new())
        }
        [0x80, 0x10, 0x00 | 0x80, 0x00] if command.data.len() == 1 => {
            let name = messages::command_name(Ctap2(command.data[0]));
            let name = name.ok_or_else(|| none("its data are no CTAP2 request"))?;
            ("NFCCTAP_MSG", vec![Node::new("request", name).note("without parameters")], Vec::new())
        }
        [0x80, 0x10, 0x00 | 0x80, 0x00] => {
            let message = ctap::read_request(&command.data)?;
            if message.rest > 0 {
                return Err(none("its data are no CTAP2 request"));
            }
            ("NFCCTAP_MSG", message.tree, message.odd)
        }
        [0x80, 0x11, 0x00, 0x00] if command.data.is_empty() => {
            ("NFCCTAP_GETRESPONSE", Vec::new(), Vec::new())
        }
        [0x80, 0x11, 0x11, 0x00] if command.data.is_empty() => {
            ("NFCCTAP_GETRESPONSE, which withdraws the request", Vec::new(), Vec::new())
        }
        [0x80, 0x12, 0x01, 0x00] if command.data.is_empty() => {
            ("NFCCTAP_CONTROL, the end", Vec::new(), Vec::new())
        }
        [0x00, ..] => u2f(bytes).ok_or_else(|| none("no command of FIDO"))?,
        _ => return Err(none("no command of FIDO")),
    };
    if command.p1 == 0x80 && command.instruction == 0x10 {
        inside.push(Node::new("P1", "0x80").note("the platform knows NFCCTAP_GETRESPONSE"));
    }
    if command.extended {
        inside.push(Node::new("form", "extended").note("lengths of two bytes, ISO 7816-4 §5.1"));
    }
    let mut tree = vec![Node::new("command", name)];
    tree.append(&mut inside);
    if let Some(expected) = command.expected {
        tree.push(Node::new("Le", expected.to_string()).note("bytes of data that the answer may have"));
    }
    Ok(Fit { kind: Kind::Apdu, tree, odd, rest: 0 })
}

fn u2f(bytes: &[u8]) -> Option<(&'static str, Vec<Node>, Vec<String>)> {
    let request = Request::decode(bytes).ok()?;
    let hashes = |application: &[u8], challenge: &[u8]| {
        vec![
            Node::bytes("application", application).note("SHA-256 of the AppID, or of the RP ID"),
            Node::bytes("challenge", challenge).note("SHA-256 of the client data"),
        ]
    };
    Some(match request {
        Request::Register { challenge, application } => {
            ("U2F_REGISTER", hashes(&application, &challenge), Vec::new())
        }
        Request::Authenticate { control, challenge, application, key_handle } => {
            let meaning = match control {
                Control::CheckOnly => "check-only: whether the key handle is known here",
                Control::EnforcePresence => "sign for a user who is present",
                _ => "sign without asking for presence",
            };
            let mut inside = vec![Node::new("control", format!("0x{:02X}", control.byte())).note(meaning)];
            inside.extend(hashes(&application, &challenge));
            inside.push(Node::bytes("keyHandle", &key_handle));
            ("U2F_AUTHENTICATE", inside, Vec::new())
        }
        Request::Version => ("U2F_VERSION", Vec::new(), Vec::new()),
    })
}

/// The answer to a U2F request: its data tell which, and a status word stands at the end.
pub(super) fn read_answer(bytes: &[u8]) -> Result<Fit, Stuck> {
    let none = || Stuck::at(0, "no answer of U2F");
    let Response { data, status } =
        Response::decode(bytes).filter(|answer| answer.status == StatusWord::NO_ERROR).ok_or_else(none)?;
    let (name, mut inside) = if data == VERSION.as_bytes() {
        ("U2F_VERSION, or SELECT", vec![Node::text("version", VERSION)])
    } else if let Ok(made) = RegisterResponse::decode(&data) {
        let key = [&[0x04][..], &made.x, &made.y].concat();
        let inside = vec![
            Node::bytes("publicKey", &key).note("an uncompressed point of P-256"),
            Node::bytes("keyHandle", &made.key_handle),
            Node::bytes("certificate", &made.certificate).note("X.509 in DER"),
            Node::bytes("signature", &made.signature).note("by the certificate's key"),
        ];
        ("U2F_REGISTER", inside)
    } else if let Some(signed) =
        AuthenticateResponse::decode(&data).ok().filter(|signed| signed.signature.first() == Some(&0x30))
    {
        let present = if signed.presence & 1 == 1 { "present" } else { "not present" };
        let inside = vec![
            Node::new("presence", format!("0x{:02X}", signed.presence))
                .note(format!("the user was {present}")),
            Node::new("counter", signed.counter.to_string()),
            Node::bytes("signature", &signed.signature).note("by the key of the handle"),
        ];
        ("U2F_AUTHENTICATE", inside)
    } else {
        return Err(none());
    };
    let mut tree = vec![Node::new("answer to", name)];
    tree.append(&mut inside);
    tree.push(Node::new("status word", status.to_string()));
    Ok(Fit { kind: Kind::Apdu, tree, odd: Vec::new(), rest: 0 })
}
