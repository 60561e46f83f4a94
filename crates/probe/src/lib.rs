//! The prober: which AAGUIDs, attestations, flags and lies does a relying party accept?
//!
//! A check is a lie or an honest ceremony, the clause that says what a relying party must make of it, and what it costs
//! if it does otherwise. The prober is authenticator and browser in one, made to lie: it signs what it likes, by the test
//! CA and by keys of its own. Who carries what it says to the relying party is a [`Target`]: there is no
//! HTTP here, no clock, and no file.
//!
//! A verdict is `Found` only where a clause says what must be refused, and the honest ceremony of the same kind is taken;
//! where the specification leaves it to the relying party, it is `Observed`.
//!
//! ```
//! use emulator::{FastSigner, attestation::TestCa};
//! use probe::report::Verdict;
//! use probe::target::{Begun, CleanedUp, Ended, Exchange, Session, Target, TargetError};
//! use probe::{Plan, Tools};
//! use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! use relying_party::Ceremony;
//!
//! /// A relying party that takes everything.
//! struct Gullible(u8);
//!
//! impl Target for Gullible {
//!     fn origin(&self) -> &str {
//!         "https://login.example.test"
//!     }
//!     fn begin(&mut self, _: Session, _: Ceremony, _: Option<&str>) -> Result<Begun, TargetError> {
//!         self.0 += 1;
//!         let options = serde_json::json!({
//!             "rp": {"name": "Example"}, "user": {"id": "AQ", "name": "ada", "displayName": "Ada"},
//!             "challenge": format!("AAECAwQFBgcICQoLDA0O{:04}", self.0), "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
//!         });
//!         Ok(Begun { options, exchange: Exchange::default() })
//!     }
//!     fn finish(&mut self, _: Session, _: Ceremony, _: Option<&str>, _: &str) -> Result<Ended, TargetError> {
//!         Ok(Ended { accepted: true, said: String::new(), exchange: Exchange::default() })
//!     }
//!     fn clean_up(&mut self, _: &str, _: &[u8]) -> Result<CleanedUp, TargetError> {
//!         Ok(CleanedUp::Removed)
//!     }
//!     fn change(&mut self, name: &str) -> Result<Exchange, TargetError> {
//!         Err(TargetError::Unsupported(format!("nothing here is called {name}")))
//!     }
//! }
//!
//! let mut rng = ChaCha20Rng::seed_from_u64(1);
//! let ca = TestCa::generate(&mut FastSigner::default(), &mut rng)?;
//! let plan = Plan { include: vec!["sign-in-signature-*".into()], ..Plan::default() };
//! let tools = Tools {
//!     ca: &ca, rng: &mut rng, wait: &mut |_| (), version: "0.1.0", now: 1_800_000_000, repeat: "fauxkey probe example",
//! };
//! let report = probe::run(&plan, &mut Gullible(0), tools, &mut |_| ());
//! let wrong_key = report.results.iter().find(|result| result.id == "sign-in-signature-wrong-key").unwrap();
//! assert!(matches!(wrong_key.verdict, Verdict::Found { .. }));
//! assert_eq!(wrong_key.clause, "WebAuthn L3 §7.2 step 21");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod bench;
mod check;
mod checks;
mod draft;
mod expectations;
mod forger;
mod key;
mod plan;
pub mod report;
mod run;
pub mod target;

pub use check::{Check, Clause};
pub use checks::all as checks;
pub use plan::{Attestation, Counter, Expect, Phase, Plan, Users, Verification};
pub use run::{Progress, Tools, run, unknown_words};
pub use target::Target;
