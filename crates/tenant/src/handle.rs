//! The user handle, WebAuthn `user.id`, computed as Entra's were seen to be.
use crate::guid::Guid;
use ring::digest::{SHA256, digest};

/// 51 bytes: `ON:`, the tenant's ID and SHA-256 of the user's, both IDs as .NET writes them.
///
/// The vector that was published begins with `ON:`, an options document that was captured with `OF:`; what the
/// letters mean is not known.
pub fn user_handle(tenant: Guid, user: Guid) -> Vec<u8> {
    let mut handle = b"ON:".to_vec();
    handle.extend(tenant.to_dotnet());
    handle.extend(digest(&SHA256, &user.to_dotnet()).as_ref());
    handle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_handle_is_that_of_the_published_vector() {
        // github.com/f-bader/TokenTacticsV2, tests/Fido2SplitFlow.Tests.ps1.
        let handle = user_handle(
            "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap(),
            "ffeeddcc-bbaa-9988-7766-554433221100".parse().unwrap(),
        );
        assert_eq!(
            wire::base64url::encode(&handle),
            "T046MyIRAFVEd2aImaq7zN3u_-XL2v8mea6v5bMB3Jw5-rS-TeKZ6lehLC8UuwzR6I2C"
        );
        assert_eq!(handle.len(), 51);
    }
}
