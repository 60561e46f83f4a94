//! Answers that are not what they should be.
use super::effect::{Door, Effect};
use super::plan::{Faults, Occasion};
use std::borrow::Cow;
use wire::cbor::{self, Value};

impl Faults {
    /// What goes out in place of the answer to a CTAP2 request: a status byte, then a CBOR map or nothing.
    pub(crate) fn reply<'a>(&self, reply: &'a [u8]) -> Cow<'a, [u8]> {
        let mut reply = Cow::Borrowed(reply);
        if self.is_idle() {
            return reply;
        }
        self.strike(Door::Reply, Occasion::default(), |striking| {
            let (changed, what) = match striking.effect {
                Effect::Status(status) => (vec![status.0], format!("the status is {status}")),
                Effect::NonCanonical => {
                    (long_head(&reply)?, "the length of the map is written in two bytes".into())
                }
                Effect::Truncated => {
                    let length = reply.len();
                    // At least the status, and never all of it.
                    let kept = Some(1 + (length - 1) / 2).filter(|kept| *kept < length)?;
                    (reply[..kept].to_vec(), format!("of {length} bytes, {kept} come"))
                }
                Effect::ExtraMember => (with_member(&reply)?, "there is one member more".into()),
                _ => return None,
            };
            reply = Cow::Owned(changed);
            Some(what)
        });
        reply
    }
}

/// The same map with its length in a byte of its own, which CTAP 2.1 §8 forbids for less than 24 members.
fn long_head(reply: &[u8]) -> Option<Vec<u8>> {
    let (status, rest) = reply.split_first()?;
    let (head, members) = rest.split_first()?;
    (0xA0..0xB8).contains(head).then(|| [&[*status, 0xB8, head & 0x1F], members].concat())
}

/// The same map with a member that no edition knows, in its canonical place.
fn with_member(reply: &[u8]) -> Option<Vec<u8>> {
    let (status, rest) = reply.split_first()?;
    let Value::Map(mut members) = cbor::decode_foreign(rest).ok()? else { return None };
    members.push((Value::from(0x7F), cbor::text("a fault that is armed")));
    Some([&[*status], cbor::encode(&Value::Map(members)).as_slice()].concat())
}
