//! The fixed requests of `fixtures/bench`.

/// The relying party of every passkey in the bench.
pub(crate) const RP_ID: &str = "login.bench.test";

const MAKE: &str = include_str!("../../../fixtures/bench/make-credential.hex");
const GET: &str = include_str!("../../../fixtures/bench/get-assertion.hex");
/// The 32 bytes in `get-assertion.hex` that stand for a credential ID.
const PLACEHOLDER: [u8; 32] = [0xEE; 32];

/// Reads a fixture: lines that start with `#` are comments.
fn read(fixture: &str) -> Vec<u8> {
    let digits: String = fixture.lines().filter(|line| !line.starts_with('#')).collect();
    wire::hex::decode(&digits).expect("the fixture is hexadecimal")
}

/// authenticatorMakeCredential.
pub(crate) fn registration() -> Vec<u8> {
    read(MAKE)
}

/// authenticatorGetAssertion of that credential.
pub(crate) fn sign_in(id: &[u8]) -> Vec<u8> {
    let mut message = read(GET);
    let at =
        message.windows(32).position(|window| window == PLACEHOLDER).expect("the fixture has a placeholder");
    message[at..at + 32].copy_from_slice(id);
    message
}

/// The same with an ID of another length, for authenticators that make such.
pub(crate) fn sign_in_with(id: &[u8]) -> Vec<u8> {
    let message = read(GET);
    let mut request = match wire::ctap2::Request::decode(&message) {
        Ok(wire::ctap2::Request::GetAssertion(request)) => request,
        other => panic!("the fixture is a getAssertion: {other:?}"),
    };
    request.allow_list[0].id = id.to_vec();
    request.encode()
}
