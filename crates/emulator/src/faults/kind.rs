//! The kinds of fault, by name.
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Kind {
            /// All of them, in the order of their doors.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What it is called in files and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does, in one sentence for people.
            pub fn about(self) -> String {
                let about: &[&str] = match self { $(Self::$variant => &[$($doc),*],)* };
                about.concat().trim().trim_end_matches('.').into()
            }
        }
    };
}
kinds! {
    /// A frame is lost.
    DropFrame = "drop-frame";
    /// A frame comes twice.
    DuplicateFrame = "duplicate-frame";
    /// One bit of a frame is flipped.
    CorruptFrame = "corrupt-frame";
    /// A frame, and what follows it, comes later by so many milliseconds (100).
    DelayFrame = "delay-frame";
    /// Only the first half of a frame comes.
    TruncateFrame = "truncate-frame";
    /// A CTAPHID frame comes on a channel that nobody has.
    WrongChannel = "wrong-channel";
    /// The device loses its power while it has a request, for so many milliseconds (1000); 0 is for good.
    Vanish = "vanish";
    /// The signature does not verify.
    BadSignature = "bad-signature";
    /// The signature is not even well-formed.
    DamagedDer = "damaged-der";
    /// Another key signs.
    OtherKey = "other-key";
    /// The RP ID hash is that of another relying party, and signed.
    ForeignRpIdHash = "foreign-rp-id-hash";
    /// The AAGUID is another one, and signed.
    OtherAaguid = "other-aaguid";
    /// The signature counter goes down; one that does not count jumps up to 1000 first.
    CounterBackwards = "counter-backwards";
    /// The signature counter stays where it is.
    CounterFrozen = "counter-frozen";
    /// The signature counter is ahead by so much (1000000), and by as much again each time.
    CounterJumping = "counter-jumping";
    /// Flags are forced on and off, and signed: +BE-UV.
    Flags = "flags";
    /// The answer is this status, such as 0x27 or OPERATION_DENIED.
    Status = "status";
    /// The CBOR of the answer is not canonical.
    NonCanonicalCbor = "non-canonical-cbor";
    /// The CBOR of the answer ends too early.
    TruncatedCbor = "truncated-cbor";
    /// The answer has a member that nobody knows.
    ExtraMember = "extra-member";
    /// The store has no room.
    StoreFull = "store-full";
    /// The store fails.
    StoreFailing = "store-failing";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
