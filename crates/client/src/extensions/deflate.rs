//! DEFLATE, RFC 1951: how platforms press large blobs together.

/// How many times longer than an authenticator's whole array a blob may become.
const MOST: usize = 64;

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(bytes, 9)
}

/// `None` if it is not what becomes exactly `original` bytes, or becomes far more than the authenticator's `room` in
/// bytes can mean: a few bytes can be pressed together from gigabytes.
pub(super) fn inflate(compressed: &[u8], original: u64, room: usize) -> Option<Vec<u8>> {
    let original =
        usize::try_from(original).ok().filter(|original| *original <= room.saturating_mul(MOST))?;
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(compressed, original).ok()?;
    (bytes.len() == original).then_some(bytes)
}
