use super::*;
use crate::cbor::{Field, Key, Kind, bytes, int_map, text, text_map};
use crate::testing::vectors;
use alloc::{format, string::String, string::ToString, vec};

mod further;
mod requests;
mod round_trips;

#[test]
fn every_vector_decodes_or_fails_as_it_says() {
    for vector in vectors("ctap2") {
        let message = vector.bytes();
        let found = match vector.text("message") {
            "request" => Request::decode(&message).map(|request| format!("OK {}", command_of(&request))),
            "response to authenticatorMakeCredential" => {
                MakeCredentialResponse::decode(&message).map(|_| String::from("OK"))
            }
            "response to authenticatorGetAssertion" => {
                GetAssertionResponse::decode(&message).map(|_| String::from("OK"))
            }
            other => panic!("{}: nothing is known of the message {other}", vector.place),
        };
        let found = found.unwrap_or_else(|error| error.status.name().unwrap().to_string());
        assert_eq!(found, vector.text("expect"), "{}", vector.place);
    }
}

fn command_of(request: &Request) -> Command {
    match request {
        Request::MakeCredential(_) => Command::MAKE_CREDENTIAL,
        Request::GetAssertion(_) => Command::GET_ASSERTION,
        Request::GetInfo => Command::GET_INFO,
        Request::Reset => Command::RESET,
        Request::GetNextAssertion => Command::GET_NEXT_ASSERTION,
        Request::Selection => Command::SELECTION,
        Request::ClientPin(_) => Command::CLIENT_PIN,
        Request::BioEnrollment(_) => Command::BIO_ENROLLMENT,
        Request::CredentialManagement(_) => Command::CREDENTIAL_MANAGEMENT,
        Request::LargeBlobs(_) => Command::LARGE_BLOBS,
        Request::Config(_) => Command::CONFIG,
    }
}

#[test]
fn every_answer_to_get_info_reads_or_fails_as_it_says() {
    for vector in vectors("getinfo") {
        let info = match GetInfoResponse::decode(&vector.bytes()) {
            Ok(info) => info,
            Err(error) => {
                assert_eq!(error.status.name().unwrap(), vector.text("expect"), "{}", vector.place);
                continue;
            }
        };
        assert_eq!("OK", vector.text("expect"), "{}", vector.place);
        assert_eq!(info.versions.join(" "), vector.text("versions"), "{}", vector.place);
        assert_eq!(info.aaguid.to_string(), vector.text("aaguid"), "{}", vector.place);
        let options = info.options.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        assert_eq!(options.join(" "), vector.text("options"), "{}", vector.place);
        assert_eq!(GetInfoResponse::decode(&info.encode()), Ok(info), "{}", vector.place);
    }
}

#[test]
fn a_command_byte_without_a_name_is_an_invalid_command() {
    for byte in (0..=u8::MAX).filter(|byte| Command(*byte).name().is_none()) {
        for parameters in [&[][..], &[0xA0], &[0xFF]] {
            let error = Request::decode(&[&[byte], parameters].concat()).unwrap_err();
            assert_eq!(error.status, Status::INVALID_COMMAND, "0x{byte:02x}");
            assert!(error.reason.contains(&format!("0x{byte:02x}")), "{error}");
        }
    }
}

#[test]
fn a_response_that_is_not_ok_is_its_status() {
    for status in 1..=u8::MAX {
        for members in [&[][..], &[0xA0], &[0xFF]] {
            let response = [&[status], members].concat();
            assert_eq!(decode_response(&response).unwrap_err().status, Status(status));
            assert_eq!(MakeCredentialResponse::decode(&response).unwrap_err().status, Status(status));
            assert_eq!(GetAssertionResponse::decode(&response).unwrap_err().status, Status(status));
            assert_eq!(GetInfoResponse::decode(&response).unwrap_err().status, Status(status));
        }
    }
    assert_eq!(decode_response(&[0]), Ok(None));
    assert_eq!(decode_response(&[0, 0xA0]), Ok(Some(Value::Map(vec![]))));
    assert_eq!(decode_response(&[]).unwrap_err().status, Status::INVALID_LENGTH);
    assert_eq!(decode_response(&[0, 0xBF, 0xFF]).unwrap_err().status, Status::INVALID_CBOR);
}
