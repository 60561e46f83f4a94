//! Relying parties that are somebody's real ones: their first use is announced.
use std::collections::HashSet;

/// Better announced twice than remembered without end.
const MOST: usize = 4096;

/// Those that were announced to one audience already.
#[derive(Default)]
pub struct Announced(HashSet<String>);

impl Announced {
    /// Whether this is the first use of a relying party that is neither local nor has a reserved test name.
    pub fn is_first_use(&mut self, rp_id: &str) -> bool {
        if client::is_local_or_reserved(rp_id) || self.0.contains(rp_id) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(rp_id.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_use_of_a_real_relying_party_is_announced() {
        let mut announced = Announced::default();
        for (rp_id, first) in [
            ("localhost", false),
            ("login.example.test", false),
            ("bank.example.org", false),
            ("login.microsoft.com", true),
            ("login.microsoft.com", false),
            ("github.com", true),
        ] {
            assert_eq!(announced.is_first_use(rp_id), first, "{rp_id}");
        }
    }

    #[test]
    fn it_does_not_remember_without_end() {
        let mut announced = Announced::default();
        for number in 0..MOST + 10 {
            assert!(announced.is_first_use(&format!("host{number}.net")));
        }
        assert!(announced.0.len() <= MOST);
    }
}
