//! Subcommands in any order, with and without proof and parameters, over several channels: nothing panics, and what is
//! stored is what the answers said.
use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happens {
    /// A subcommand, about the finger of that position among all that were ever told of.
    Subcommand {
        number: i64,
        finger: usize,
        name: Option<String>,
        proof: bool,
        channel: u32,
        gesture: Gesture,
    },
    PowerCycle,
    OwnerAdds,
    OwnerRemoves(usize),
}

fn gestures() -> impl Strategy<Value = Gesture> {
    prop_oneof![
        4 => Just(Gesture::Present),
        1 => Just(Gesture::Verified),
        1 => Just(Gesture::LongTouch),
        1 => Just(Gesture::NotVerified),
        1 => Just(Gesture::Declined),
        1 => Just(Gesture::TimedOut),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    let subcommand = (
        prop_oneof![3 => Just(1i64), 6 => Just(2), 4 => 0..9i64],
        0..6usize,
        option::of("\\PC{0,70}"),
        prop::bool::weighted(0.9),
        1..3u32,
        gestures(),
    );
    let subcommand = subcommand.prop_map(|(number, finger, name, proof, channel, gesture)| {
        Happens::Subcommand { number, finger, name, proof, channel, gesture }
    });
    prop_oneof![
        20 => subcommand,
        1 => Just(Happens::PowerCycle),
        1 => Just(Happens::OwnerAdds),
        1 => (0..6usize).prop_map(Happens::OwnerRemoves),
    ]
}

/// What the answers say is enrolled, and every ID that was ever told.
#[derive(Default)]
struct Model {
    fingers: BTreeMap<Vec<u8>, Option<String>>,
    ids: Vec<Vec<u8>>,
    /// The finger that is being enrolled, and by which channel.
    under_way: Option<(u32, Vec<u8>)>,
}

impl Model {
    fn id(&self, at: usize) -> Vec<u8> {
        let newest_first = self.ids.iter().rev().nth(at);
        newest_first.cloned().unwrap_or_else(|| b"nobody's".to_vec())
    }

    /// What an answer of success means.
    fn hear(&mut self, request: &BioEnrollment, channel: u32, reply: &[u8]) {
        let answer = BioEnrollmentResponse::decode(reply).unwrap_or_default();
        let id = request.template_id.clone().unwrap_or_default();
        match request.subcommand.unwrap() {
            BEGIN | NEXT => {
                if let Some(id) = answer.template_id.clone() {
                    self.ids.push(id.clone());
                    self.under_way = Some((channel, id));
                }
                let (whose, id) = self.under_way.clone().expect("something is under way");
                assert_eq!(whose, channel);
                assert!(request.subcommand == Some(BEGIN) || request.template_id.as_ref() == Some(&id));
                if answer.remaining_samples == Some(0) {
                    self.fingers.insert(id, None);
                    self.under_way = None;
                }
            }
            CANCEL => {
                self.under_way.take_if(|(whose, _)| *whose == channel);
            }
            NAME => {
                let name = request.friendly_name.clone().filter(|name| !name.is_empty());
                *self.fingers.get_mut(&id).expect("it was there") = name;
            }
            REMOVE => assert!(self.fingers.remove(&id).is_some()),
            ENUMERATE => assert_eq!(answer.templates.unwrap().len(), self.fingers.len()),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_enrolled_is_what_the_answers_said(story in vec(happens(), 1..40)) {
        let mut platform = Enroller::new(with_reader());
        let mut model = Model::default();
        for happens in story {
            match happens {
                Happens::Subcommand { number, finger, name, proof, channel, gesture } => {
                    let id = model.id(finger);
                    let name_member = (2, name.as_deref().map(cbor::text));
                    let parameters = cbor::int_map([(1, Some(cbor::bytes(id.as_slice()))), name_member]);
                    let mut request = request(Subcommand(number), Some(parameters));
                    (request.template_id, request.friendly_name) = (Some(id), name);
                    let sent = if proof { proven(request.clone(), &platform.token) } else { request.clone() };
                    let via = Via { channel, ..USB };
                    let reply = platform.rig.call_with(NOW, via, &sent.encode(), |_| gesture);
                    if reply[0] == 0 {
                        prop_assert!(proof || [CANCEL, SENSOR].contains(&Subcommand(number)));
                        model.hear(&request, channel, &reply);
                    } else {
                        prop_assert_eq!(reply.len(), 1);
                    }
                }
                Happens::PowerCycle => {
                    platform.rig.authenticator.power_cycle(NOW).unwrap();
                    platform = Enroller::with(platform.rig);
                    model.under_way = None;
                }
                Happens::OwnerAdds => {
                    if let Ok(finger) = platform.rig.authenticator.add_finger(NOW, None).result {
                        model.ids.push(finger.id.clone());
                        model.fingers.insert(finger.id, None);
                        model.under_way = None;
                    }
                }
                Happens::OwnerRemoves(at) => {
                    let id = model.id(at);
                    let removed = platform.rig.authenticator.remove_finger(NOW, &id).result.is_ok();
                    prop_assert_eq!(removed, model.fingers.remove(&id).is_some());
                    if removed {
                        model.under_way = None;
                    }
                }
            }
            let stored: BTreeMap<_, _> =
                platform.fingers().into_iter().map(|finger| (finger.id, finger.name)).collect();
            prop_assert_eq!(&stored, &model.fingers);
            prop_assert!(stored.len() <= usize::from(CAPACITY));
            prop_assert_eq!(platform.info().option("uv"), Some(!stored.is_empty()));
        }
    }
}
