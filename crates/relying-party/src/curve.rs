//! Whether a public key is a point of its curve: WebAuthn L3 §5.8.5, whose note asks for this check because it
//! falls so easily between a library and its caller. ring looks at a key only together with a signature, and
//! format `none` has no signature; so here are the two curve equations, over public values only and in no
//! hurry.
use crate::rejection::{Verdict, ensure};
use core::cmp::Ordering;
use wire::cose::PublicKey;

/// Refuses a key that is no point of its curve.
pub(crate) fn on_curve(key: &PublicKey) -> Verdict {
    let (on_curve, curve) = match key {
        PublicKey::P256 { x, y } => (p256(x, y), "P-256"),
        PublicKey::Ed25519 { x } => (ed25519(x), "Ed25519"),
    };
    ensure(on_curve, || format!("the public key is not a point of {curve}"))
}

/// SP 800-186 §3.2.1.3: y² = x³ - 3x + b.
fn p256(x: &[u8; 32], y: &[u8; 32]) -> bool {
    const P: Prime = Prime([!0, 0xFFFF_FFFF, 0, 0xFFFF_FFFF_0000_0001]);
    const B: Number =
        [0x3BCE_3C3E_27D2_604B, 0x651D_06B0_CC53_B0F6, 0xB3EB_BD55_7698_86BC, 0x5AC6_35D8_AA3A_93E7];
    let (x, y) = (big_endian(x), big_endian(y));
    if !(less(&x, &P.0) && less(&y, &P.0)) {
        return false;
    }
    let three_x = P.add(&P.add(&x, &x), &x);
    let cube = P.mul(&P.mul(&x, &x), &x);
    P.mul(&y, &y) == P.add(&P.sub(&cube, &three_x), &B)
}

/// RFC 8032 §5.1.3: x² = (y² - 1) / (d y² + 1) has a root, and its sign can be had.
fn ed25519(point: &[u8; 32]) -> bool {
    const P: Prime = Prime([!0 - 18, !0, !0, !0 >> 1]);
    const D: Number =
        [0x75EB_4DCA_1359_78A3, 0x0070_0A4D_4141_D8AB, 0x8CC7_4079_7779_E898, 0x5203_6CEE_2B6F_FE73];
    let mut y = *point;
    y.reverse();
    let negative = y[0] & 0x80 != 0;
    y[0] &= 0x7F;
    let y = big_endian(&y);
    if !less(&y, &P.0) {
        return false;
    }
    let square = P.mul(&y, &y);
    let (u, v) = (P.sub(&square, &ONE), P.add(&P.mul(&D, &square), &ONE));
    if u == ZERO {
        return !negative;
    }
    // u/v is a square exactly if uv is; v is never zero, since -1/d is not a square.
    P.is_square(P.mul(&u, &v))
}

/// Below 2^256, the least significant limb first.
type Number = [u64; 4];

const ZERO: Number = [0; 4];
const ONE: Number = [1, 0, 0, 0];

fn big_endian(bytes: &[u8; 32]) -> Number {
    let (limbs, _) = bytes.as_chunks::<8>();
    let mut number = ZERO;
    for (limb, bytes) in number.iter_mut().rev().zip(limbs) {
        *limb = u64::from_be_bytes(*bytes);
    }
    number
}

fn less(a: &Number, b: &Number) -> bool {
    a.iter().rev().cmp(b.iter().rev()) == Ordering::Less
}

/// The sum modulo 2^256, and whether it wrapped.
fn add_wrapping(a: &Number, b: &Number) -> (Number, bool) {
    let mut carry = false;
    let sum = core::array::from_fn(|i| {
        let (sum, first) = a[i].overflowing_add(b[i]);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first || second;
        sum
    });
    (sum, carry)
}

/// The difference modulo 2^256.
fn sub_wrapping(a: &Number, b: &Number) -> Number {
    let mut borrow = false;
    core::array::from_fn(|i| {
        let (difference, first) = a[i].overflowing_sub(b[i]);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        borrow = first || second;
        difference
    })
}

fn halve(a: &Number) -> Number {
    core::array::from_fn(|i| a[i] >> 1 | a.get(i + 1).map_or(0, |next| next << 63))
}

/// Arithmetic modulo an odd prime, on numbers below it.
struct Prime(Number);

impl Prime {
    fn add(&self, a: &Number, b: &Number) -> Number {
        let (sum, wrapped) = add_wrapping(a, b);
        if wrapped || !less(&sum, &self.0) { sub_wrapping(&sum, &self.0) } else { sum }
    }

    fn sub(&self, a: &Number, b: &Number) -> Number {
        let difference = sub_wrapping(a, b);
        if less(a, b) { add_wrapping(&difference, &self.0).0 } else { difference }
    }

    /// By doubling and adding, from the most significant bit of `b` down.
    fn mul(&self, a: &Number, b: &Number) -> Number {
        let bits = b.iter().rev().flat_map(|limb| (0..64).rev().map(move |bit| limb >> bit & 1 == 1));
        bits.fold(ZERO, |product, bit| {
            let doubled = self.add(&product, &product);
            if bit { self.add(&doubled, a) } else { doubled }
        })
    }

    /// The Jacobi symbol is not -1.
    fn is_square(&self, mut a: Number) -> bool {
        let (mut n, mut negative) = (self.0, false);
        while a != ZERO {
            while a[0] & 1 == 0 {
                a = halve(&a);
                negative ^= matches!(n[0] & 7, 3 | 5);
            }
            if less(&a, &n) {
                core::mem::swap(&mut a, &mut n);
                negative ^= a[0] & n[0] & 3 == 3;
            }
            a = sub_wrapping(&a, &n);
        }
        !negative
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn p256_by_rustcrypto(x: &[u8; 32], y: &[u8; 32]) -> bool {
        p256::PublicKey::from_sec1_bytes(&[&[4], x.as_slice(), y].concat()).is_ok()
    }

    /// `p` of Ed25519 plus `n`, in the encoding of RFC 8032.
    fn ed25519_prime_plus(n: i8) -> [u8; 32] {
        let mut bytes = [0xFF; 32];
        bytes[0] = 0xED_u8.wrapping_add_signed(n);
        bytes[31] = 0x7F;
        bytes
    }

    #[test]
    fn coordinates_at_and_beyond_the_prime_are_refused() {
        let mut prime = [0; 32];
        prime[..8].copy_from_slice(&0xFFFF_FFFF_0000_0001_u64.to_be_bytes());
        prime[20..].fill(0xFF);
        for (x, y) in [(prime, [0; 32]), ([0xFF; 32], [0xFF; 32]), ([0; 32], [0; 32]), ([0; 32], prime)] {
            assert!(!super::p256(&x, &y));
        }
        assert!(super::ed25519(&ed25519_prime_plus(-1)), "y = -1 has x = 0");
        assert!(!super::ed25519(&ed25519_prime_plus(0)), "y = 0, not in its shortest form");
        assert!(!super::ed25519(&ed25519_prime_plus(1)), "y = 1, not in its shortest form");
    }

    #[test]
    fn a_root_that_is_zero_has_no_sign() {
        let mut one = [0; 32];
        one[0] = 1;
        assert!(super::ed25519(&one));
        one[31] = 0x80;
        assert!(!super::ed25519(&one));
    }

    /// Small numbers are where half of all y are on the curve and every branch of the symbol is walked.
    #[test]
    fn small_ed25519_points_are_judged_as_another_library_judges_them() {
        let mut seen = [0, 0];
        for (low, high) in (0..=255_u8).flat_map(|low| [(low, 0), (low, 1), (low, 0x80)]) {
            let mut point = [0; 32];
            (point[0], point[1], point[31]) = (low, high & 0x7F, high & 0x80);
            let other = ed25519_dalek::VerifyingKey::from_bytes(&point).is_ok();
            // That library decompresses y = 1 with a sign, which RFC 8032 §5.1.3 step 4 refuses.
            let other = other && !(low == 1 && high == 0x80);
            assert_eq!(super::ed25519(&point), other, "{point:?}");
            seen[usize::from(other)] += 1;
        }
        assert!(seen[0] > 300 && seen[1] > 300, "{seen:?}");
    }

    proptest! {
        #[test]
        fn p256_points_are_judged_as_another_library_judges_them(scalar: [u8; 32], flip in 0_usize..512) {
            let Ok(key) = p256::SecretKey::from_slice(&scalar) else { return Ok(()) };
            let point = key.public_key().to_sec1_bytes();
            let mut point: [u8; 64] = point[1..].try_into().unwrap();
            let halves = |point: &[u8; 64]| -> ([u8; 32], [u8; 32]) {
                (point[..32].try_into().unwrap(), point[32..].try_into().unwrap())
            };
            let (x, y) = halves(&point);
            prop_assert!(super::p256(&x, &y));
            point[flip / 8] ^= 1 << (flip % 8);
            let (x, y) = halves(&point);
            prop_assert_eq!(super::p256(&x, &y), p256_by_rustcrypto(&x, &y));
        }

        #[test]
        fn ed25519_points_are_judged_as_another_library_judges_them(point: [u8; 32]) {
            let other = ed25519_dalek::VerifyingKey::from_bytes(&point).is_ok();
            prop_assert_eq!(super::ed25519(&point), other);
        }
    }
}
