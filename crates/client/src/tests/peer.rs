//! The other end of the PIN/UV auth protocols, as small as will do: it has its own cryptography, and panics where
//! the platform does what it must not do.
use super::{IOS, RP_ID, assertion, created, p256 as public_key, user};
use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use sha2::{Digest, Sha256};
use wire::cbor::{self, Value};
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{
    ClientPin, ClientPinResponse, Command, GetAssertion, KeyAgreement, LargeBlobs, MakeCredential,
    MakeCredentialResponse, Permissions, Request,
};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// An authenticator with a PIN.
pub(super) struct Peer {
    pub(super) protocol: i64,
    pub(super) pin: Option<String>,
    /// What getPinUvAuthTokenUsingUvWithPermissions answers.
    pub(super) uv: Status,
    /// Whether every registration and sign-in must come with a token.
    pub(super) wants_token: bool,
    /// What was asked, in order: clientPIN as its subcommand, others as their command.
    pub(super) asked: Vec<Asked>,
    /// The last token's permissions and RP ID; `None` for one of CTAP 2.0.
    pub(super) granted: Option<(Permissions, Option<String>)>,
    /// The credentials that are here.
    pub(super) ids: Vec<Vec<u8>>,
    /// Extension outputs beside those of hmac-secret.
    pub(super) outputs: Vec<(&'static str, Value)>,
    /// The last request's extension inputs.
    pub(super) inputs: Option<Value>,
    /// The serialized large-blob array.
    pub(super) array: Vec<u8>,
    /// The array that is being written, and its length.
    pub(super) pending: (Vec<u8>, usize),
    /// Whether it says that nobody was verified, whatever happened.
    pub(super) denies_uv: bool,
    /// Unsigned extension outputs.
    pub(super) unsigned: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Pin(i64),
    Silently,
    Ceremony(Command),
}

const TOKEN: [u8; 32] = [0x5A; 32];

impl Peer {
    pub(super) fn new(protocol: i64, pin: Option<&str>) -> Self {
        Self {
            protocol,
            pin: pin.map(Into::into),
            uv: Status::OK,
            wants_token: false,
            asked: Vec::new(),
            granted: None,
            ids: vec![b"a".into()],
            outputs: Vec::new(),
            inputs: None,
            array: with_trailer(&[0x80]),
            pending: (Vec::new(), 0),
            denies_uv: false,
            unsigned: None,
        }
    }

    pub(super) fn exchange(&mut self, message: &[u8]) -> Vec<u8> {
        if message[0] == Command::CLIENT_PIN.0 {
            let request = ClientPin::decode(&cbor::decode(&message[1..]).unwrap()).unwrap();
            self.asked.push(Asked::Pin(request.subcommand.0));
            return self.client_pin(&request).map_or_else(|status| vec![status.0], |answer| answer.encode());
        }
        if message[0] == Command::LARGE_BLOBS.0 {
            self.asked.push(Asked::Ceremony(Command::LARGE_BLOBS));
            return self.large_blobs(&LargeBlobs::decode(&cbor::decode(&message[1..]).unwrap()).unwrap());
        }
        // A phone's, whose inputs may nest deeper.
        match Request::decode_over_hybrid(message).unwrap() {
            Request::MakeCredential(request) => self.make_credential(&request),
            Request::GetAssertion(request) => self.get_assertion(&request),
            other => panic!("{other:?}"),
        }
    }

    fn client_pin(&mut self, request: &ClientPin) -> Result<ClientPinResponse, Status> {
        assert_eq!(request.protocol, Some(self.protocol));
        let mut answer = ClientPinResponse::default();
        match request.subcommand {
            Subcommand::GET_PIN_RETRIES => {
                (answer.pin_retries, answer.power_cycle_state) = (Some(7), Some(false));
            }
            Subcommand::GET_KEY_AGREEMENT => answer.key_agreement = Some(public()),
            Subcommand::SET_PIN => {
                let keys = self.keys(request.key_agreement.as_ref().unwrap());
                let new_pin = request.new_pin_enc.as_ref().unwrap();
                assert_eq!(request.pin_uv_auth_param, Some(keys.mac(new_pin)));
                self.pin = Some(unpadded(&keys.open(new_pin)));
            }
            Subcommand::CHANGE_PIN => {
                let keys = self.keys(request.key_agreement.as_ref().unwrap());
                let (new_pin, hash) =
                    (request.new_pin_enc.as_ref().unwrap(), request.pin_hash_enc.as_ref().unwrap());
                let message = [new_pin.as_slice(), hash].concat();
                assert_eq!(request.pin_uv_auth_param, Some(keys.mac(&message)));
                self.compare(&keys.open(hash))?;
                self.pin = Some(unpadded(&keys.open(new_pin)));
            }
            Subcommand::GET_PIN_TOKEN | Subcommand::GET_TOKEN_USING_PIN => {
                let keys = self.keys(request.key_agreement.as_ref().unwrap());
                self.compare(&keys.open(request.pin_hash_enc.as_ref().unwrap()))?;
                answer.pin_uv_auth_token = Some(self.grant(request, &keys));
            }
            Subcommand::GET_TOKEN_USING_UV => {
                assert!(request.pin_hash_enc.is_none());
                if self.uv != Status::OK {
                    return Err(self.uv);
                }
                let keys = self.keys(request.key_agreement.as_ref().unwrap());
                answer.pin_uv_auth_token = Some(self.grant(request, &keys));
            }
            other => panic!("{other:?}"),
        }
        Ok(answer)
    }

    fn large_blobs(&mut self, request: &LargeBlobs) -> Vec<u8> {
        let number = |number: Option<u64>| usize::try_from(number.unwrap()).unwrap();
        let offset = number(request.offset);
        let Some(set) = &request.set else {
            let end = self.array.len().min(offset + number(request.get));
            return LargeBlobs::encode_response(&self.array[offset..end]);
        };
        let mut signed = vec![0xFF; 32];
        signed.extend([0x0C, 0x00]);
        signed.extend(u32::try_from(offset).unwrap().to_le_bytes());
        signed.extend(Sha256::digest(set));
        if !self.proven(&signed, request.pin_uv_auth_param.as_ref(), request.protocol) {
            return vec![Status::PUAT_REQUIRED.0];
        }
        let (permissions, _) = self.granted.as_ref().unwrap();
        assert!(permissions.contains(Permissions::LBW));
        if offset == 0 {
            self.pending = (Vec::new(), number(request.length));
        } else {
            assert!(request.length.is_none());
        }
        assert_eq!(offset, self.pending.0.len());
        self.pending.0.extend(set);
        if self.pending.0.len() == self.pending.1 {
            let array = std::mem::take(&mut self.pending.0);
            assert_eq!(array, with_trailer(&array[..array.len() - 16]));
            self.array = array;
        }
        vec![0]
    }

    fn grant(&mut self, request: &ClientPin, keys: &Keys) -> Vec<u8> {
        self.granted = request
            .permissions
            .map(|permissions| (Permissions(u8::try_from(permissions).unwrap()), request.rp_id.clone()));
        assert!(self.granted.is_some() || request.rp_id.is_none());
        keys.seal(&TOKEN)
    }

    fn compare(&self, hash: &[u8]) -> Result<(), Status> {
        let pin = self.pin.as_ref().ok_or(Status::PIN_NOT_SET)?;
        if Sha256::digest(pin)[..16] == *hash { Ok(()) } else { Err(Status::PIN_INVALID) }
    }

    /// Whether there is a right proof.
    fn proven(&self, hash: &[u8], param: Option<&Vec<u8>>, protocol: Option<i64>) -> bool {
        let Some(param) = param else { return false };
        assert_eq!(protocol, Some(self.protocol));
        assert_eq!(*param, mac(self.protocol, &TOKEN, hash));
        true
    }

    fn make_credential(&mut self, request: &MakeCredential) -> Vec<u8> {
        self.asked.push(Asked::Ceremony(Command::MAKE_CREDENTIAL));
        let (param, protocol) = (request.pin_uv_auth_param.as_ref(), request.pin_uv_auth_protocol);
        let proven = self.proven(&request.client_data_hash, param, protocol);
        assert!(!(proven && request.uv.is_some()), "a token takes the place of the option");
        if self.wants_token && !proven {
            return vec![Status::PUAT_REQUIRED.0];
        }
        self.inputs = request.extensions.clone();
        let uv = Flags::UV.when(!self.denies_uv && (proven || request.uv == Some(true)));
        let mut data = AuthenticatorData {
            flags: Flags::UP | Flags::AT | uv,
            ..created(IOS, &self.ids[0], public_key())
        };
        self.extend(&mut data, "hmac-secret-mc");
        MakeCredentialResponse {
            fmt: "none".into(),
            auth_data: data.encode(),
            att_stmt: Value::Map(Vec::new()),
            ep_att: false,
            large_blob_key: self.input("largeBlobKey").map(|_| vec![1; 32]),
            unsigned_extension_outputs: match self.input("largeBlob") {
                Some(_) => {
                    let supported = cbor::text_map([("supported", Some(true.into()))]);
                    Some(cbor::text_map([("largeBlob", Some(supported))]))
                }
                None => self.unsigned.clone(),
            },
        }
        .encode()
    }

    fn get_assertion(&mut self, request: &GetAssertion) -> Vec<u8> {
        let silent = request.up == Some(false);
        self.asked.push(if silent { Asked::Silently } else { Asked::Ceremony(Command::GET_ASSERTION) });
        let (param, protocol) = (request.pin_uv_auth_param.as_ref(), request.pin_uv_auth_protocol);
        let proven = self.proven(&request.client_data_hash, param, protocol);
        if self.wants_token && !proven && !silent {
            return vec![Status::PUAT_REQUIRED.0];
        }
        let allowed =
            |id: &&Vec<u8>| request.allow_list.is_empty() || request.allow_list.iter().any(|d| d.id == **id);
        let Some(id) = self.ids.iter().find(allowed) else { return vec![Status::NO_CREDENTIALS.0] };
        let mut answer = assertion(Some(id), Some(user(7, None)), None);
        self.inputs = request.extensions.clone();
        let uv = Flags::UV.when(!self.denies_uv && (proven || request.uv == Some(true)));
        let mut data = AuthenticatorData { flags: Flags::UP | uv, ..super::asserted() };
        self.extend(&mut data, "hmac-secret");
        answer.auth_data = data.encode();
        answer.large_blob_key = self.input("largeBlobKey").map(|_| vec![id[0]; 32]);
        answer.unsigned_extension_outputs = self.unsigned.clone();
        answer.encode()
    }

    pub(super) fn input(&self, id: &str) -> Option<&Value> {
        let inputs = self.inputs.as_ref()?.as_map().unwrap();
        inputs.iter().find(|(key, _)| key.as_text() == Some(id)).map(|(_, value)| value)
    }

    /// Extension outputs: what was set, and hmac-secret with a function that anybody can compute.
    fn extend(&self, data: &mut AuthenticatorData, evaluating: &'static str) {
        let mut outputs: Vec<(Value, Value)> =
            self.outputs.iter().map(|(id, value)| (cbor::text(*id), value.clone())).collect();
        if let Some(Value::Map(input)) = self.input(evaluating) {
            let member = |key: i64| &input.iter().find(|(k, _)| *k == Value::from(key)).unwrap().1;
            let keys = self.keys(member(1));
            let sealed = member(2).as_bytes().unwrap();
            assert_eq!(*member(3).as_bytes().unwrap(), keys.mac(sealed));
            assert_eq!(input.len(), if self.protocol == 2 { 4 } else { 3 });
            let results: Vec<u8> = keys.open(sealed).chunks(32).flat_map(evaluate).collect();
            outputs.push((cbor::text(evaluating), cbor::bytes(keys.seal(&results))));
        }
        if !outputs.is_empty() {
            data.flags |= Flags::ED;
            data.extensions = Some(Value::Map(outputs));
        }
    }

    fn keys(&self, theirs: &Value) -> Keys {
        let theirs = KeyAgreement::from_value(theirs).unwrap();
        let point = [&[4], theirs.x.as_slice(), &theirs.y].concat();
        let point = PublicKey::from_sec1_bytes(&point).unwrap();
        let z = p256::ecdh::diffie_hellman(secret().to_nonzero_scalar(), point.as_affine());
        let mut keys = Keys { protocol: self.protocol, hmac: [0; 32], aes: [0; 32] };
        if self.protocol == 1 {
            (keys.hmac, keys.aes) =
                (Sha256::digest(z.raw_secret_bytes()).into(), Sha256::digest(z.raw_secret_bytes()).into());
        } else {
            let kdf = Hkdf::<Sha256>::new(Some(&[0; 32]), z.raw_secret_bytes());
            kdf.expand(b"CTAP2 HMAC key", &mut keys.hmac).unwrap();
            kdf.expand(b"CTAP2 AES key", &mut keys.aes).unwrap();
        }
        keys
    }
}

/// What this authenticator's hmac-secret gives for a salt.
pub(super) fn evaluate(salt: &[u8]) -> [u8; 32] {
    Sha256::digest([b"evaluated", salt].concat()).into()
}

struct Keys {
    protocol: i64,
    hmac: [u8; 32],
    aes: [u8; 32],
}

impl Keys {
    fn mac(&self, message: &[u8]) -> Vec<u8> {
        mac(self.protocol, &self.hmac, message)
    }

    fn open(&self, sealed: &[u8]) -> Vec<u8> {
        let (iv, sealed) = if self.protocol == 1 { (&[0; 16][..], sealed) } else { sealed.split_at(16) };
        let iv: [u8; 16] = iv.try_into().unwrap();
        let cipher = cbc::Decryptor::<Aes256>::new(&self.aes.into(), &iv.into());
        cipher.decrypt_padded_vec::<NoPadding>(sealed).unwrap()
    }

    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let iv = if self.protocol == 1 { [0; 16] } else { [9; 16] };
        let cipher = cbc::Encryptor::<Aes256>::new(&self.aes.into(), &iv.into());
        let sealed = cipher.encrypt_padded_vec::<NoPadding>(plain);
        if self.protocol == 1 { sealed } else { [iv.as_slice(), &sealed].concat() }
    }
}

fn mac(protocol: i64, key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    let mac = mac.finalize().into_bytes().to_vec();
    if protocol == 1 { mac[..16].to_vec() } else { mac }
}

/// A serialized large-blob array as it is kept.
pub(super) fn with_trailer(array: &[u8]) -> Vec<u8> {
    [array, &Sha256::digest(array)[..16]].concat()
}

fn unpadded(padded: &[u8]) -> String {
    assert_eq!(padded.len(), 64);
    let end = padded.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    String::from_utf8(padded[..end].into()).unwrap()
}

fn secret() -> SecretKey {
    SecretKey::from_slice(&[0x42; 32]).unwrap()
}

fn public() -> KeyAgreement {
    let point = secret().public_key().to_sec1_point(false);
    let bytes = point.as_bytes();
    KeyAgreement { x: bytes[1..33].try_into().unwrap(), y: bytes[33..].try_into().unwrap() }
}

/// The RP ID that tokens are bound to.
pub(super) fn bound_to(permissions: Permissions) -> Option<(Permissions, Option<String>)> {
    Some((permissions, Some(RP_ID.into())))
}
