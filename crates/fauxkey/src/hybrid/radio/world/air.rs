//! What goes on between the adapter's switch, its advertisers and its scanners, as pure state: every change says what
//! it brought into sight and what it took out of it.
use super::advert::Advert;
use super::refusal::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use zbus::names::OwnedUniqueName;

/// Adverts that can be on the air at a time. Kernels offer five where the controller does not say otherwise.
pub(super) const INSTANCES: usize = 5;

/// Who advertises, and at which path its advert is.
type Key = (OwnedUniqueName, String);

/// A device that an advert is heard from, by number: each advert comes from a device of its own, as phones change
/// their address with each.
pub(super) type Number = u32;

/// The adapter and the air around it.
#[derive(Debug)]
pub(super) struct Air {
    powered: bool,
    scanners: BTreeSet<OwnedUniqueName>,
    adverts: BTreeMap<Key, (Number, Advert)>,
    seen: BTreeSet<Number>,
    count: Number,
}

/// What a change means for others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// The adapter was turned on or off.
    pub(super) powered: Option<bool>,
    /// Discovery began or ended.
    pub(super) discovering: Option<bool>,
    /// So many adverts are registered now.
    pub(super) active: Option<u8>,
    /// Devices that came into sight.
    pub(super) appeared: Vec<(Number, Advert)>,
    /// Devices that are out of it.
    pub(super) vanished: Vec<Number>,
}

impl Default for Air {
    /// An adapter that is on, and silence.
    fn default() -> Self {
        Self {
            powered: true,
            scanners: BTreeSet::new(),
            adverts: BTreeMap::new(),
            seen: BTreeSet::new(),
            count: 0,
        }
    }
}

impl Air {
    pub(super) fn is_powered(&self) -> bool {
        self.powered
    }

    pub(super) fn is_discovering(&self) -> bool {
        !self.scanners.is_empty()
    }

    /// Adverts registered.
    pub(super) fn active(&self) -> u8 {
        u8::try_from(self.adverts.len()).unwrap_or(u8::MAX)
    }

    /// Whether the advert of that device is on the air.
    pub(super) fn is_on_air(&self, number: Number) -> bool {
        self.seen.contains(&number)
    }

    /// The devices in sight, while somebody looks.
    pub(super) fn heard(&self) -> Vec<(Number, Advert)> {
        let looking = self.powered && self.is_discovering();
        self.adverts.values().filter(|(number, _)| looking && self.seen.contains(number)).cloned().collect()
    }

    /// Turns the adapter on or off. Off ends every discovery; adverts stay registered and are heard again once it is on
    /// and somebody looks.
    pub(super) fn power(&mut self, on: bool) -> Change {
        let before = self.before();
        if !on {
            self.scanners.clear();
        }
        self.powered = on;
        self.after(before)
    }

    /// Somebody begins to look.
    pub(super) fn start_discovery(&mut self, who: OwnedUniqueName) -> Result<Change, Refusal> {
        if !self.powered {
            return Err(Refusal::not_ready());
        }
        let before = self.before();
        if !self.scanners.insert(who) {
            return Err(Refusal::InProgress("Operation already in progress".into()));
        }
        Ok(self.after(before))
    }

    /// Somebody has seen enough.
    pub(super) fn stop_discovery(&mut self, who: &OwnedUniqueName) -> Result<Change, Refusal> {
        let before = self.before();
        if !self.scanners.remove(who) {
            return Err(Refusal::Failed("No discovery started".into()));
        }
        Ok(self.after(before))
    }

    /// Whether an advert could be registered, before its advertiser is asked for it.
    pub(super) fn has_room(&self, who: &OwnedUniqueName, path: &str) -> Result<(), Refusal> {
        if !self.powered {
            return Err(Refusal::not_ready());
        }
        if self.adverts.contains_key(&(who.clone(), path.to_owned())) {
            return Err(Refusal::AlreadyExists("Already Exists".into()));
        }
        if self.adverts.len() == INSTANCES {
            return Err(Refusal::NotPermitted("Maximum advertisements reached".into()));
        }
        Ok(())
    }

    /// An advert goes on the air.
    pub(super) fn register(
        &mut self,
        who: OwnedUniqueName,
        path: String,
        advert: Advert,
    ) -> Result<Change, Refusal> {
        self.has_room(&who, &path)?;
        let before = self.before();
        self.count = self.count.wrapping_add(1);
        self.adverts.insert((who, path), (self.count, advert));
        Ok(self.after(before))
    }

    /// An advert is taken back.
    pub(super) fn unregister(&mut self, who: OwnedUniqueName, path: String) -> Result<Change, Refusal> {
        let before = self.before();
        match self.adverts.remove(&(who, path)) {
            Some(_) => Ok(self.after(before)),
            None => Err(Refusal::DoesNotExist("Does Not Exist".into())),
        }
    }

    /// Somebody left the bus, and takes everything along.
    pub(super) fn gone(&mut self, who: &OwnedUniqueName) -> Change {
        let before = self.before();
        self.scanners.remove(who);
        self.adverts.retain(|(owner, _), _| owner != who);
        self.after(before)
    }

    fn before(&self) -> (bool, bool, u8) {
        (self.powered, self.is_discovering(), self.active())
    }

    /// Looks around, and says what is another way than before.
    fn after(&mut self, (powered, discovering, active): (bool, bool, u8)) -> Change {
        let mut change = Change {
            powered: (powered != self.powered).then_some(self.powered),
            discovering: (discovering != self.is_discovering()).then_some(self.is_discovering()),
            active: (active != self.active()).then_some(self.active()),
            ..Change::default()
        };
        let on_air: BTreeMap<_, _> = self
            .adverts
            .values()
            .filter(|_| self.powered)
            .map(|(number, advert)| (*number, advert))
            .collect();
        change.vanished = self.seen.iter().filter(|number| !on_air.contains_key(number)).copied().collect();
        self.seen.retain(|number| on_air.contains_key(number));
        if self.is_discovering() {
            for (number, advert) in on_air {
                if self.seen.insert(number) {
                    change.appeared.push((number, advert.clone()));
                }
            }
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn who(number: u8) -> OwnedUniqueName {
        OwnedUniqueName::try_from(format!(":1.{number}")).unwrap()
    }

    fn path(number: u8) -> String {
        format!("/advert{number}")
    }

    fn advert(byte: u8) -> Advert {
        Advert {
            service_data: HashMap::from([("fff9".into(), vec![byte; 20])]),
            service_uuids: vec![],
            local_name: None,
        }
    }

    fn refusal(result: Result<Change, Refusal>) -> String {
        format!("{:?}", result.unwrap_err())
    }

    #[test]
    fn an_advert_is_seen_once_by_who_looks_before_and_by_who_looks_after() {
        for early in [true, false] {
            let mut air = Air::default();
            let mut appeared = Vec::new();
            if early {
                appeared.extend(air.start_discovery(who(2)).unwrap().appeared);
            }
            appeared.extend(air.register(who(1), path(1), advert(7)).unwrap().appeared);
            if !early {
                assert_eq!(appeared, []);
                appeared.extend(air.start_discovery(who(2)).unwrap().appeared);
            }
            assert_eq!(appeared, [(1, advert(7))]);
            assert_eq!(air.heard(), appeared);
            // Whoever looks beside is told by what is heard again, not by another appearance.
            assert_eq!(air.start_discovery(who(3)).unwrap(), Change::default());
        }
    }

    #[test]
    fn what_is_taken_back_or_left_behind_vanishes() {
        let mut air = Air::default();
        air.start_discovery(who(9)).unwrap();
        air.register(who(1), path(1), advert(1)).unwrap();
        air.register(who(2), path(1), advert(2)).unwrap();
        air.register(who(2), path(2), advert(3)).unwrap();
        assert_eq!(air.unregister(who(1), path(1)).unwrap().vanished, [1]);
        assert!(refusal(air.unregister(who(1), path(1))).starts_with("DoesNotExist"));
        let change = air.gone(&who(2));
        assert_eq!((change.vanished, change.active), (vec![2, 3], Some(0)));
        assert_eq!(air.gone(&who(9)).discovering, Some(false));
        assert_eq!(air.gone(&who(9)), Change::default());
    }

    #[test]
    fn without_power_nothing_is_sent_heard_or_begun() {
        let mut air = Air::default();
        air.start_discovery(who(9)).unwrap();
        air.register(who(1), path(1), advert(1)).unwrap();
        let off = air.power(false);
        assert_eq!((off.powered, off.discovering, off.vanished), (Some(false), Some(false), vec![1]));
        assert_eq!(air.heard(), []);
        assert!(refusal(air.start_discovery(who(9))).starts_with("NotReady"));
        assert!(refusal(air.register(who(2), path(1), advert(2))).starts_with("NotReady"));
        // Turning off what is off changes nothing, and what was registered is heard again after all.
        assert_eq!(air.power(false), Change::default());
        assert_eq!(air.power(true).powered, Some(true));
        assert_eq!(air.start_discovery(who(9)).unwrap().appeared, [(1, advert(1))]);
    }

    #[test]
    fn there_is_room_for_so_many_adverts_and_each_is_registered_once() {
        let mut air = Air::default();
        for number in 0..5 {
            air.register(who(1), path(number), advert(number)).unwrap();
        }
        assert!(refusal(air.register(who(1), path(0), advert(0))).starts_with("AlreadyExists"));
        assert!(refusal(air.register(who(1), path(5), advert(5))).starts_with("NotPermitted"));
        air.unregister(who(1), path(3)).unwrap();
        assert_eq!(air.register(who(1), path(5), advert(5)).unwrap().active, Some(5));
    }

    #[test]
    fn discovery_goes_on_until_the_last_who_looks_has_stopped() {
        let mut air = Air::default();
        assert_eq!(air.start_discovery(who(1)).unwrap().discovering, Some(true));
        assert!(refusal(air.start_discovery(who(1))).starts_with("InProgress"));
        assert_eq!(air.start_discovery(who(2)).unwrap().discovering, None);
        assert_eq!(air.stop_discovery(&who(1)).unwrap().discovering, None);
        assert!(refusal(air.stop_discovery(&who(1))).starts_with("Failed"));
        assert_eq!(air.stop_discovery(&who(2)).unwrap().discovering, Some(false));
    }
}
