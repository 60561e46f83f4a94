use super::kept::Facts;
use super::*;
use crate::control::FailureKind;
use crate::home::Home;
use authenticator::store::RecordId;
use vault::{AuthenticatorId, KeySource, Vault};

const PHONE: AuthenticatorId = AuthenticatorId([1; 16]);
const TABLET: AuthenticatorId = AuthenticatorId([2; 16]);

fn facts(user_name: &str) -> Facts {
    Facts {
        order: 0,
        tenant: "http://localhost:8123".into(),
        user_name: user_name.into(),
        display_name: Some("Ada".into()),
        organization: Some("Contoso".into()),
        passkey: "ZmF1eGtleQ".into(),
        app: Some("the app's secret name".into()),
        push: true,
        phone_sign_in: false,
        one_time_code: true,
    }
}

fn vault(home: &Home) -> Vault {
    Vault::open(&home.vault(), KeySource::File(home.vault_key()), vault::Options::default()).unwrap()
}

fn names(shelf: &Shelf, device: AuthenticatorId) -> Vec<String> {
    shelf.of(device).unwrap().into_iter().map(|kept| kept.facts.user_name).collect()
}

#[test]
fn accounts_survive_a_restart_in_their_order_each_on_its_device() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    {
        let vault = vault(&home);
        let shelf = Shelf::new(Some(vault.clone()));
        for user in ["ada", "bea", "cem"] {
            shelf.add(PHONE, facts(user)).unwrap();
        }
        shelf.add(TABLET, facts("ada")).unwrap();
        shelf.close();
        vault.close().unwrap();
    }
    let shelf = Shelf::new(Some(vault(&home)));
    assert_eq!(names(&shelf, PHONE), ["ada", "bea", "cem"]);
    let kept = shelf.of(PHONE).unwrap().swap_remove(1);
    assert_eq!(kept.facts.app.as_deref(), Some("the app's secret name"));
    shelf.remove(kept.record).unwrap();
    assert_eq!(names(&shelf, PHONE), ["ada", "cem"]);
    shelf.forget(PHONE).unwrap();
    assert_eq!((names(&shelf, PHONE).len(), names(&shelf, TABLET)), (0, vec!["ada".to_owned()]));
}

#[test]
fn an_account_that_is_added_again_takes_the_place_of_the_old_one() {
    let shelf = Shelf::new(None);
    shelf.add(PHONE, facts("ada@contoso.test")).unwrap();
    shelf.add(PHONE, facts("bea@contoso.test")).unwrap();
    shelf.add(PHONE, facts("Ada@contoso.test")).unwrap();
    assert_eq!(names(&shelf, PHONE), ["bea@contoso.test", "Ada@contoso.test"]);
    let elsewhere = Facts { tenant: "http://localhost:1".into(), ..facts("bea@contoso.test") };
    shelf.add(PHONE, elsewhere).unwrap();
    assert_eq!(names(&shelf, PHONE).len(), 3, "another tenant's user is another account");
}

#[test]
fn what_is_shown_says_neither_what_codes_are_had_by_nor_that_a_deleted_passkey_is_there() {
    let kept = Kept::new(PHONE, facts("ada"));
    let shown = serde_json::to_string(&kept.shown(true)).unwrap();
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("ZmF1eGtleQ"));
    assert_eq!(kept.shown(false).passkey, None);
}

#[test]
fn a_record_reads_back_and_what_is_none_does_not() {
    let kept = Kept::new(PHONE, facts("ada"));
    let bytes = kept.encode();
    let read = Kept::decode(kept.record, &bytes).unwrap();
    assert_eq!((read.id(), read.device, *read.encode() == *bytes), (kept.id(), PHONE, true));
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    for (what, with) in [("\"v\":1", "\"v\":2"), ("0101", "01"), ("\"userName\"", "\"user\""), ("}", "")] {
        assert!(text.contains(what));
        let other = text.replacen(what, with, 1);
        assert!(Kept::decode(RecordId([0; 16]), other.as_bytes()).is_none(), "{other}");
    }
}

#[test]
fn a_tenant_is_on_this_machine_and_nowhere_else() {
    for good in ["http://localhost:8123", "http://localhost:8123/", " http://localhost "] {
        Door::to(good, "test").unwrap();
    }
    for bad in [
        "https://login.microsoft.com",
        "http://login.contoso.test",
        "https://localhost:1",
        "localhost:8123",
        "http://127.0.0.1:8123",
        "http://localhost:8123/login",
        "",
    ] {
        let failure = Door::to(bad, "test").err().unwrap_or_else(|| panic!("{bad}"));
        assert_eq!(failure.kind, FailureKind::Invalid, "{bad}: {failure}");
        assert!(failure.hint.unwrap().contains("http://localhost:8123"), "{bad}");
    }
}

#[test]
fn nobody_signs_in_with_too_little_or_too_much() {
    let ceremony = |_: &crate::ceremony::Request| unreachable!("nobody gets that far");
    let forget = |_: &str| unreachable!("nothing was made");
    let phone = Handset { name: "phone", system: System::Ios, ceremony: &ceremony, forget: &forget };
    let secret = || Some(Secret::from("x"));
    let new = |pass: bool, password: bool, code: bool, push: bool| NewAccount {
        user_name: "ada@contoso.test".into(),
        pass: if pass { secret() } else { None },
        password: if password { secret() } else { None },
        code: if code { secret() } else { None },
        push,
        ..NewAccount::default()
    };
    let mut enough = 0;
    for bits in 0..16_u8 {
        let new = new(bits & 1 > 0, bits & 2 > 0, bits & 4 > 0, bits & 8 > 0);
        // Nobody listens at port 1: who may ask gets that far.
        let failure = phone.begin("http://localhost:1", &new).err().unwrap();
        match failure.kind {
            FailureKind::Conflict => enough += 1,
            FailureKind::Invalid => {}
            other => panic!("{other:?}: {failure}"),
        }
        assert_eq!(
            failure.kind == FailureKind::Conflict,
            [1, 6, 10].contains(&bits),
            "{bits:04b}: {failure}"
        );
    }
    assert_eq!(enough, 3);
    let nobody = NewAccount { user_name: " ".into(), ..new(true, false, false, false) };
    assert_eq!(phone.begin("http://localhost:1", &nobody).err().unwrap().kind, FailureKind::Invalid);
}
