//! Whether a public key is a point of its curve: WebAuthn L3 §5.8.5, whose note asks for this check because it
//! falls so easily between a library and its caller. ring looks at a key only together with a signature, and
//! format `none` has no signature; so here are the two curve equations, over public values only and in no
//! hurry.
use crate::rejection::{Verdict, ensure};
use core::cmp::Ordering;
use wire::cose::PublicKey;

/// Refuses a key that is no point of its curve, an RSA key with which nothing can be verified, and a key that is not
/// understood.
pub(crate) fn sound(key: &PublicKey) -> Verdict {
    let (on_curve, curve) = match key {
        PublicKey::P256 { x, y } => (p256(x, y), "P-256"),
        PublicKey::P384 { x, y } => (p384(x, y), "P-384"),
        PublicKey::Ed25519 { x } => (ed25519(x), "Ed25519"),
        PublicKey::Rsa { n, e } => return rsa(n, e),
        // Every string of the right length is a public key (FIPS 204 algorithm 23).
        PublicKey::MlDsa44 { .. } | PublicKey::MlDsa65 { .. } => return Ok(()),
        PublicKey::Foreign(_) => {
            return Err(format!("nothing here verifies signatures of {}", key.algorithm()));
        }
    };
    ensure(on_curve, || format!("the public key is not a point of {curve}"))
}

/// What ring verifies with: 2048 to 8192 bits, odd, and an odd exponent from 3 to 33 bits.
fn rsa(n: &[u8], e: &[u8]) -> Verdict {
    let bits = |number: &[u8]| match number.first() {
        None | Some(0) => 0,
        Some(first) => 8 * number.len() - first.leading_zeros() as usize,
    };
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let (n_bits, e_bits) = (bits(n), bits(e));
    ensure(odd(n) && (2048..=8192).contains(&n_bits), || {
        format!(
            "the RSA modulus is no odd number of 2048 to 8192 bits without leading zeros, but of {n_bits}"
        )
    })?;
    ensure(odd(e) && (2..=33).contains(&e_bits), || "the RSA exponent is no odd number from 3".into())
}

/// SP 800-186 §3.2.1.3.
fn p256(x: &[u8; 32], y: &[u8; 32]) -> bool {
    const P: Prime<4> = Prime([!0, 0xFFFF_FFFF, 0, 0xFFFF_FFFF_0000_0001]);
    const B: Number<4> =
        [0x3BCE_3C3E_27D2_604B, 0x651D_06B0_CC53_B0F6, 0xB3EB_BD55_7698_86BC, 0x5AC6_35D8_AA3A_93E7];
    weierstrass(&P, &B, big_endian(x), big_endian(y))
}

/// SP 800-186 §3.2.1.4.
fn p384(x: &[u8; 48], y: &[u8; 48]) -> bool {
    const P: Prime<6> = Prime([0xFFFF_FFFF, 0xFFFF_FFFF_0000_0000, !1, !0, !0, !0]);
    const B: Number<6> = [
        0x2A85_C8ED_D3EC_2AEF,
        0xC656_398D_8A2E_D19D,
        0x0314_088F_5013_875A,
        0x181D_9C6E_FE81_4112,
        0x988E_056B_E3F8_2D19,
        0xB331_2FA7_E23E_E7E4,
    ];
    weierstrass(&P, &B, big_endian(x), big_endian(y))
}

/// y² = x³ - 3x + b.
fn weierstrass<const LEN: usize>(p: &Prime<LEN>, b: &Number<LEN>, x: Number<LEN>, y: Number<LEN>) -> bool {
    if !(less(&x, &p.0) && less(&y, &p.0)) {
        return false;
    }
    let three_x = p.add(&p.add(&x, &x), &x);
    let cube = p.mul(&p.mul(&x, &x), &x);
    p.mul(&y, &y) == p.add(&p.sub(&cube, &three_x), b)
}

/// RFC 8032 §5.1.3: x² = (y² - 1) / (d y² + 1) has a root, and its sign can be had.
fn ed25519(point: &[u8; 32]) -> bool {
    const P: Prime<4> = Prime([!0 - 18, !0, !0, !0 >> 1]);
    const D: Number<4> =
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
    let one = [1, 0, 0, 0];
    let (u, v) = (P.sub(&square, &one), P.add(&P.mul(&D, &square), &one));
    if u == [0; 4] {
        return !negative;
    }
    // u/v is a square exactly if uv is; v is never zero, since -1/d is not a square.
    P.is_square(P.mul(&u, &v))
}

/// Below 2^(64 LEN), the least significant limb first.
type Number<const LEN: usize> = [u64; LEN];

/// From 8 LEN bytes.
fn big_endian<const LEN: usize>(bytes: &[u8]) -> Number<LEN> {
    let (limbs, _) = bytes.as_chunks::<8>();
    let mut number = [0; LEN];
    for (limb, bytes) in number.iter_mut().rev().zip(limbs) {
        *limb = u64::from_be_bytes(*bytes);
    }
    number
}

fn less<const LEN: usize>(a: &Number<LEN>, b: &Number<LEN>) -> bool {
    a.iter().rev().cmp(b.iter().rev()) == Ordering::Less
}

/// The sum modulo 2^(64 LEN), and whether it wrapped.
fn add_wrapping<const LEN: usize>(a: &Number<LEN>, b: &Number<LEN>) -> (Number<LEN>, bool) {
    let mut carry = false;
    let sum = core::array::from_fn(|i| {
        let (sum, first) = a[i].overflowing_add(b[i]);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first || second;
        sum
    });
    (sum, carry)
}

/// The difference modulo 2^(64 LEN).
fn sub_wrapping<const LEN: usize>(a: &Number<LEN>, b: &Number<LEN>) -> Number<LEN> {
    let mut borrow = false;
    core::array::from_fn(|i| {
        let (difference, first) = a[i].overflowing_sub(b[i]);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        borrow = first || second;
        difference
    })
}

fn halve<const LEN: usize>(a: &Number<LEN>) -> Number<LEN> {
    core::array::from_fn(|i| a[i] >> 1 | a.get(i + 1).map_or(0, |next| next << 63))
}

/// Arithmetic modulo an odd prime, on numbers below it.
struct Prime<const LEN: usize>(Number<LEN>);

impl<const LEN: usize> Prime<LEN> {
    fn add(&self, a: &Number<LEN>, b: &Number<LEN>) -> Number<LEN> {
        let (sum, wrapped) = add_wrapping(a, b);
        if wrapped || !less(&sum, &self.0) { sub_wrapping(&sum, &self.0) } else { sum }
    }

    fn sub(&self, a: &Number<LEN>, b: &Number<LEN>) -> Number<LEN> {
        let difference = sub_wrapping(a, b);
        if less(a, b) { add_wrapping(&difference, &self.0).0 } else { difference }
    }

    /// By doubling and adding, from the most significant bit of `b` down.
    fn mul(&self, a: &Number<LEN>, b: &Number<LEN>) -> Number<LEN> {
        let bits = b.iter().rev().flat_map(|limb| (0..64).rev().map(move |bit| limb >> bit & 1 == 1));
        bits.fold([0; LEN], |product, bit| {
            let doubled = self.add(&product, &product);
            if bit { self.add(&doubled, a) } else { doubled }
        })
    }

    /// The Jacobi symbol is not -1.
    fn is_square(&self, mut a: Number<LEN>) -> bool {
        let (mut n, mut negative) = (self.0, false);
        while a != [0; LEN] {
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

    fn p384_by_rustcrypto(x: &[u8; 48], y: &[u8; 48]) -> bool {
        p384::PublicKey::from_sec1_bytes(&[&[4], x.as_slice(), y].concat()).is_ok()
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
        fn p384_points_are_judged_as_another_library_judges_them(
            high: [u8; 32],
            low: [u8; 16],
            flip in 0_usize..768,
        ) {
            let scalar = [high.as_slice(), &low].concat();
            let Ok(key) = p384::SecretKey::from_slice(&scalar) else { return Ok(()) };
            let point = key.public_key().to_sec1_bytes();
            let mut point: [u8; 96] = point[1..].try_into().unwrap();
            let halves = |point: &[u8; 96]| -> ([u8; 48], [u8; 48]) {
                (point[..48].try_into().unwrap(), point[48..].try_into().unwrap())
            };
            let (x, y) = halves(&point);
            prop_assert!(super::p384(&x, &y));
            point[flip / 8] ^= 1 << (flip % 8);
            let (x, y) = halves(&point);
            prop_assert_eq!(super::p384(&x, &y), p384_by_rustcrypto(&x, &y));
        }

        #[test]
        fn ed25519_points_are_judged_as_another_library_judges_them(point: [u8; 32]) {
            let other = ed25519_dalek::VerifyingKey::from_bytes(&point).is_ok();
            prop_assert_eq!(super::ed25519(&point), other);
        }
    }
}
