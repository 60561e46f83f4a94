//! What a reader of smart cards learns of a device before it says anything.
use wire::hex;

/// The card side of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Answer to reset, ISO 7816-3 §8; over NFC the one that PC/SC part 3 §3.1.3.2.3.1 has readers make up.
    pub atr: Vec<u8>,
}

impl Card {
    /// Reads an answer to reset out of hexadecimal digits, which may have spaces between them.
    ///
    /// # Errors
    /// A reason, if the digits are none, or if the bytes are no answer to reset.
    pub(super) fn read(atr: &str) -> Result<Self, String> {
        let atr = hex::decode(atr).ok_or("it is not made of pairs of hexadecimal digits")?;
        check(&atr)?;
        Ok(Self { atr })
    }
}

/// ISO 7816-3 §8.2: the initial character, the interface bytes that announce each other, the historical bytes
/// and, unless T=0 is all that is offered, the check byte.
fn check(atr: &[u8]) -> Result<(), String> {
    let cut = || format!("it ends after {} bytes, before it is complete (ISO 7816-3 §8.2)", atr.len());
    if !matches!(atr.first(), Some(0x3B | 0x3F)) {
        return Err("it begins with neither 3B nor 3F (ISO 7816-3 §8.1)".into());
    }
    let mut at = 1;
    let mut announces = *atr.get(at).ok_or_else(cut)?;
    let historical = usize::from(announces & 0x0F);
    let mut checked = false;
    loop {
        // The high half says which of TA, TB, TC and TD follow.
        at += usize::try_from((announces >> 4).count_ones()).unwrap_or(4);
        if announces & 0x80 == 0 {
            break;
        }
        announces = *atr.get(at).ok_or_else(cut)?;
        checked |= announces & 0x0F != 0;
    }
    let length = at + 1 + historical + usize::from(checked);
    if length > 33 {
        return Err(format!("it announces {length} bytes, and may have 33 (ISO 7816-3 §8.2)"));
    }
    if atr.len() < length {
        return Err(cut());
    }
    if atr.len() > length {
        return Err(format!("it has {} bytes and announces {length} (ISO 7816-3 §8.2)", atr.len()));
    }
    if checked && atr[1..].iter().fold(0, |sum, byte| sum ^ byte) != 0 {
        return Err("its check byte is wrong (ISO 7816-3 §8.2.5)".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Card;

    /// YubiKey 5, over USB and over NFC: Yubico.NET.SDK, ProductAtrs.cs.
    const REAL: [&str; 2] = [
        "3B FD 13 00 00 81 31 FE 15 80 73 C0 21 C0 57 59 75 62 69 4B 65 79 40",
        "3B 8D 80 01 80 73 C0 21 C0 57 59 75 62 69 4B 65 79 F9",
    ];

    #[test]
    fn answers_to_reset_of_real_cards_read_and_every_changed_byte_after_the_first_is_noticed() {
        for real in REAL {
            let card = Card::read(real).unwrap();
            assert_eq!(card.atr.len(), real.split(' ').count());
            let bytes: Vec<&str> = real.split(' ').collect();
            for at in 0..bytes.len() {
                let mut broken = bytes.clone();
                let other = format!("{:02X}", u8::from_str_radix(bytes[at], 16).unwrap() ^ 0x10);
                broken[at] = &other;
                assert!(Card::read(&broken.concat()).is_err(), "byte {at} of {real}");
                assert!(Card::read(&bytes[..at].concat()).is_err(), "{at} bytes of {real}");
            }
            assert!(Card::read(&format!("{real}00")).unwrap_err().contains("announces"));
        }
    }

    #[test]
    fn a_card_of_t_0_alone_has_no_check_byte() {
        assert_eq!(Card::read("3B 02 14 50").unwrap().atr, [0x3B, 0x02, 0x14, 0x50]);
        assert!(Card::read("3B 02 14 50 46").is_err());
    }

    #[test]
    fn what_is_not_hexadecimal_is_refused() {
        for wrong in ["3B0", "3BZZ", "", "atr"] {
            assert!(Card::read(wrong).is_err(), "{wrong}");
        }
    }
}
