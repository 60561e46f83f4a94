//! temporary
use authenticator::store::*;
use std::time::Instant;
use vault::*;
use wire::cose::PublicKey;
use wire::ctap2::*;
use zeroize::Zeroizing;
fn cred(n: u32) -> Credential {
    let mut id = [0x5E; 16];
    id[..4].copy_from_slice(&n.wrapping_mul(2654435761).to_be_bytes());
    Credential {
        record: RecordId(id),
        id: [[7u8; 28].as_slice(), &n.to_be_bytes()].concat(),
        rp: RpEntity { id: format!("relying-party-{n}.example"), name: Some("x".into()) },
        user: UserEntity {
            id: n.to_be_bytes().to_vec(),
            name: Some("lee@contoso".into()),
            display_name: Some("Lee".into()),
        },
        key: KeyPair {
            public: PublicKey::P256 { x: [1; 32], y: [2; 32] },
            private: PrivateKey::new(Zeroizing::new(vec![3; 32])),
        },
        created: n as u64,
    }
}
fn main() {
    let count: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    let root = std::path::PathBuf::from(std::env::args().nth(2).unwrap());
    let open =
        || Vault::open(&root.join("vault"), KeySource::File(root.join("key")), Options::default()).unwrap();
    let id = AuthenticatorId([1; 16]);
    if !root.join("vault").exists() {
        let t = Instant::now();
        let v = open();
        println!("create {:?}", t.elapsed());
        let t = Instant::now();
        let mut s = v.authenticator(id).unwrap();
        println!("new tree {:?}", t.elapsed());
        let t = Instant::now();
        if count <= 1000 {
            for n in 0..count {
                s.commit(&[Change::PutCredential(Box::new(cred(n)))]).unwrap();
            }
        } else {
            for b in (0..count).collect::<Vec<_>>().chunks(1000) {
                s.commit(&b.iter().map(|n| Change::PutCredential(Box::new(cred(*n)))).collect::<Vec<_>>())
                    .unwrap();
            }
        }
        println!("fill {:?}", t.elapsed());
        drop(s);
        let t = Instant::now();
        v.close().unwrap();
        println!("close {:?}", t.elapsed());
    }
    for _ in 0..3 {
        let t = Instant::now();
        let v = open();
        println!("open {:?}", t.elapsed());
        let t = Instant::now();
        let mut s = v.authenticator(id).unwrap();
        println!("tree {:?}", t.elapsed());
        let t = Instant::now();
        let p = s.load().unwrap();
        println!("load {} {:?}", p.credentials.len(), t.elapsed());
        let t = Instant::now();
        s.commit(&[Change::PutCredential(Box::new(cred(1)))]).unwrap();
        println!("commit {:?}", t.elapsed());
        drop(s);
        let t = Instant::now();
        v.close().unwrap();
        println!("close {:?}", t.elapsed());
    }
}
