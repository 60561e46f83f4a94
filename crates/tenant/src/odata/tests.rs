use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn query(pairs: &[(&str, &str)]) -> Query {
    Query::parse(pairs.iter().copied()).unwrap_or_else(|refusal| panic!("{pairs:?}: {refusal}"))
}

fn refused(pairs: &[(&str, &str)]) -> (String, String) {
    let refusal = Query::parse(pairs.iter().copied()).expect_err(&format!("{pairs:?}"));
    assert_eq!(refusal.kind, RefusalKind::BadRequest);
    (refusal.message, refusal.hint.unwrap_or_default())
}

/// Users' registration details in Graph's shape.
fn details() -> Vec<Value> {
    let detail = |name: &str, admin: bool, methods: &[&str], updated: &str| {
        json!({
            "@odata.type": "#microsoft.graph.userRegistrationDetails",
            "id": format!("aaaaaaaa-bbbb-4ccc-8ddd-{:0>12}", name.len()),
            "userPrincipalName": format!("{name}@contoso.example"),
            "isAdmin": admin,
            "methodsRegistered": methods,
            "lastUpdatedDateTime": updated,
        })
    };
    vec![
        detail(
            "adele",
            false,
            &["passKeyDeviceBoundAuthenticator", "softwareOneTimePasscode"],
            "2026-01-20T22:00:00Z",
        ),
        detail("Björn", true, &["fido2SecurityKey"], "2026-01-20T23:30:00+02:00"),
        detail("carlotta", false, &[], "2026-01-21T00:00:00Z"),
    ]
}

fn names(page: &Page) -> Vec<&str> {
    page.value
        .iter()
        .map(|value| value["userPrincipalName"].as_str().unwrap().split('@').next().unwrap())
        .collect()
}

#[test]
fn a_list_is_filtered_sorted_cut_and_selected() {
    let page = query(&[
        ("$filter", "methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')"),
        ("$select", "userPrincipalName,ISADMIN"),
        ("$count", "true"),
    ])
    .apply(details());
    let expected = json!({
        "@odata.type": "#microsoft.graph.userRegistrationDetails",
        "userPrincipalName": "adele@contoso.example",
        "isAdmin": false,
    });
    assert_eq!(page, Page { value: vec![expected], count: Some(1), next: None });

    for (order, expected) in [
        ("userPrincipalName", ["adele", "Björn", "carlotta"]),
        ("userPrincipalName desc", ["carlotta", "Björn", "adele"]),
        ("isAdmin desc,userPrincipalName", ["Björn", "adele", "carlotta"]),
        // As moments, not as texts.
        ("lastUpdatedDateTime asc", ["Björn", "adele", "carlotta"]),
        ("missing, isAdmin", ["adele", "carlotta", "Björn"]),
    ] {
        assert_eq!(names(&query(&[("orderby", order)]).apply(details())), expected, "{order}");
    }
}

#[test]
fn built_in_strengths_are_told_from_others() {
    let strengths = [("Multifactor authentication", "builtIn"), ("Passkeys", "custom")]
        .map(|(name, kind)| json!({ "displayName": name, "policyType": kind }));
    for text in
        ["policyType eq 'builtIn'", "policyType eq microsoft.graph.authenticationStrengthPolicyType'builtIn'"]
    {
        assert_eq!(query(&[("$filter", text)]).apply(strengths.clone()).value, strengths[..1]);
    }
}

#[test]
fn pages_follow_each_other_until_there_is_no_more() {
    for order in [None, Some(("$orderby", "n desc"))] {
        for (top, usual, most, expected) in
            [(Some("3"), 100, 999, 3), (None, 4, 999, 4), (Some("500"), 4, 5, 5), (Some("10"), 4, 10, 10)]
        {
            let top = top.map(|top| ("$top", top));
            let mut asked: Vec<(String, String)> =
                [Some(("$filter", "n ge 0")), Some(("$count", "true")), order, top]
                    .into_iter()
                    .flatten()
                    .map(|(name, text)| (name.to_owned(), text.to_owned()))
                    .collect();
            let mut seen = Vec::new();
            for _ in 0..20 {
                let query = Query::parse(asked.iter().map(|(name, text)| (name.as_str(), text.as_str())))
                    .unwrap()
                    .in_pages(usual, most);
                let page = query.apply((-2..10).map(|n| json!({ "n": n })));
                assert_eq!(page.count, Some(10));
                assert!(page.value.len() <= expected, "{page:?}");
                seen.extend(page.value);
                let Some(next) = page.next else { break };
                assert_eq!(seen.len() % expected, 0, "pages before the last are full");
                asked =
                    query.pairs_from(next).into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
            }
            let mut wanted: Vec<Value> = (0..10).map(|n| json!({ "n": n })).collect();
            if order.is_some() {
                wanted.reverse();
            }
            assert_eq!(seen, wanted);
        }
    }
}

#[test]
fn a_page_of_nothing_has_no_next_and_skipping_is_no_end() {
    let items = || (0..5).map(|n| json!({ "n": n }));
    let page = query(&[("$top", "0"), ("$count", "true")]).apply(items());
    assert_eq!(page, Page { value: vec![], count: Some(5), next: None });
    let page = query(&[("$skip", "3")]).apply(items());
    assert_eq!((page.value.len(), page.next), (2, None));
    let page = query(&[("$skip", "9"), ("$orderby", "n"), ("$top", "1")]).apply(items());
    assert_eq!((page.value.len(), page.next), (0, None));
    let most = usize::MAX.to_string();
    let page = query(&[("$skip", &most), ("$top", &most), ("$count", "true")]).apply(items());
    assert_eq!(page, Page { value: vec![], count: Some(5), next: None });
    // Exactly to the end.
    assert_eq!(query(&[("$top", "5")]).apply(items()).next, None);
    assert_eq!(query(&[("$top", "4")]).apply(items()).next, Some(4));
}

#[test]
fn options_are_known_in_any_case_and_without_their_sign() {
    let plain = query(&[("$filter", "a eq 1"), ("$orderby", "a"), ("$top", "1"), ("$count", "true")]);
    assert_eq!(query(&[("FILTER", "a eq 1"), ("orderBy", "a asc"), ("Top", "1"), ("count", "TRUE")]), plain);
    assert_eq!(
        query(&[("$format", "application/json;odata.metadata=none"), ("$select", "*")]),
        Query::default()
    );
    for (pairs, message, hint) in [
        (&[("$filtre", "a eq 1")][..], "there is no option $filtre", "did you mean $filter?"),
        (&[("$orderBY1", "a")], "there is no option $orderBY1", "did you mean $orderby?"),
        (&[("zzz", "a")], "there is no option zzz", "there are $filter, $select"),
        (&[("$expand", "manager")], "$expand is not known here", "in it already"),
        (&[("$search", "\"a\"")], "$search is not known here", "contains(displayName,'adele')"),
        (&[("$filter", "a"), ("filter", "b")], "$filter is there twice", "once"),
        (&[("$skip", "1"), ("$skiptoken", "2")], "$skip and $skiptoken both say where to begin", "once"),
        (&[("$filter", " ")], "$filter is empty", ""),
        (&[("$top", "-1")], "$top: expected a whole number from 0, not \"-1\"", ""),
        (&[("$top", "+1")], "$top: expected a whole number from 0, not \"+1\"", ""),
        (&[("$skip", "99999999999999999999")], "$skip: expected a whole number from 0", ""),
        (&[("$count", "yes")], "$count: expected true or false, not \"yes\"", ""),
        (&[("$format", "atom")], "$format: \"atom\" is not known here", "write json"),
        (&[("$select", "a,,b")], "$select: a property is missing in \"\"", ""),
        (&[("$select", "details($select=a)")], "$select: expected a property", "status/errorCode"),
        (&[("$select", "a-b")], "$select: \"a-b\" is no property", ""),
        (&[("$orderby", "a down")], "$orderby: \"down\" is no direction", "asc or desc"),
        (&[("$orderby", "a desc b")], "$orderby: \"b\" is too much", "comma"),
        (&[("$filter", "displayName = 'x'")], "$filter at character 13: = is no operator", "write eq"),
    ] {
        let (said, advised) = refused(pairs);
        assert!(said.starts_with(message), "{said:?} instead of {message:?}");
        assert!(advised.contains(hint), "{said:?}: {advised:?} has no {hint:?}");
    }
}

#[test]
fn select_goes_into_what_is_within() {
    let document = json!({
        "@odata.type": "#microsoft.graph.signIn",
        "id": "a",
        "id@odata.type": "Guid",
        "status": { "errorCode": 0, "failureReason": "Other." },
        "details": [{ "method": "Password", "ok": true }, { "method": "Other", "ok": false }],
        "plain": 1,
    });
    for (select, expected) in [
        ("id", json!({ "@odata.type": "#microsoft.graph.signIn", "id": "a", "id@odata.type": "Guid" })),
        (
            "status/errorCode, Details/method",
            json!({
                "@odata.type": "#microsoft.graph.signIn",
                "status": { "errorCode": 0 },
                "details": [{ "method": "Password" }, { "method": "Other" }],
            }),
        ),
        ("plain/deeper,none", json!({ "@odata.type": "#microsoft.graph.signIn", "plain": 1 })),
    ] {
        assert_eq!(query(&[("$select", select)]).select(document.clone()), expected, "{select}");
    }
    assert_eq!(query(&[("$select", "id,*")]).select(document.clone()), document);
    let both = query(&[("$select", "status,status/errorCode")]).select(document.clone());
    assert_eq!(both["status"], document["status"]);
}

#[test]
fn what_does_not_fit_the_documents_is_told_with_what_was_meant() {
    let shape = json!({
        "id": "a",
        "isMfaCapable": true,
        "methodsRegistered": ["sms"],
        "status": { "errorCode": 0, "failureReason": null },
        "details": [{ "method": "Password", "steps": [1] }],
        "empty": [],
        "unknown": null,
    });
    for (option, text) in [
        ("$filter", "isMfaCapable and unknown eq 1 and unknown/deeper eq 'x' and STATUS/errorcode ne 1"),
        ("$filter", "methodsRegistered/any(x:x eq 'sms') and empty/any(e:e/anything eq 1)"),
        (
            "$filter",
            "details/any(d:d/method in ('a',null) and d/steps/any(s:s gt 1)) and details/$count eq 1",
        ),
        ("$filter", "id eq aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee and startswith(id,'a') and id ne null"),
        ("$select", "id,details/method,empty/anything,jobTitle"),
        ("$orderby", "status/errorCode desc,id"),
    ] {
        assert_eq!(query(&[(option, text)]).check(&shape), Ok(()), "{text}");
    }
    for (option, text, message, hint) in [
        (
            "$filter",
            "methodRegistered/any()",
            "there is no property methodRegistered",
            "did you mean methodsRegistered?",
        ),
        (
            "$filter",
            "status/code eq 1",
            "there is no property code in status",
            "there are errorCode, failureReason",
        ),
        (
            "$filter",
            "details/any(d:d/methods eq 'x')",
            "there is no property methods",
            "did you mean method?",
        ),
        ("$filter", "isMfaCapable eq 'true'", "isMfaCapable is true or false", "without quotes"),
        ("$filter", "'0' ne status/errorCode", "status/errorCode is a number", "without quotes"),
        ("$filter", "id in ('a',5)", "id is text, not to be compared with 5", "single quotes"),
        (
            "$filter",
            "methodsRegistered eq 'sms'",
            "methodsRegistered is a collection",
            "methodsRegistered/any(x:x eq 'sms')",
        ),
        (
            "$filter",
            "contains(methodsRegistered,'sms')",
            "methodsRegistered is a collection",
            "methodsRegistered/any(",
        ),
        ("$filter", "details/method eq 'x'", "details is a collection", "details/any(x:x/method eq"),
        ("$filter", "not id", "id is text, neither true nor false", "id eq"),
        ("$filter", "id/any(x:x eq 'a')", "id is no collection", ""),
        ("$filter", "id/$count eq 1", "id is no collection", ""),
        ("$filter", "isMfaCapable/deeper", "isMfaCapable has no properties", ""),
        ("$orderby", "zzz", "there is no property zzz", "there are id,"),
        ("$orderby", "statuz", "there is no property statuz", "did you mean status?"),
    ] {
        let refusal = query(&[(option, text)]).check(&shape).expect_err(text);
        let (said, advised) = (refusal.message, refusal.hint.unwrap_or_default());
        assert!(said.starts_with(&format!("{option}: {message}")), "{text}: {said:?} instead of {message:?}");
        assert!(advised.contains(hint), "{text}: {advised:?} has no {hint:?}");
    }
}

#[test]
fn a_misspelt_property_makes_no_empty_list() {
    // Each kind of document has some properties of its own, and the first ones have no element and no value.
    let documents = || {
        [
            json!({ "id": "a", "phone": null, "methods": [], "status": { "code": null } }),
            json!({ "id": "b", "phone": "1", "methods": [], "status": { "code": 1 }, "mixed": 1 }),
            json!({ "id": "c", "methods": ["x"], "own": true, "mixed": "1" }),
        ]
    };
    for (text, found) in [
        ("phone eq '1' or status/code eq 1", 1),
        ("methods/any(x:x eq 'x') and own", 1),
        ("mixed eq 1", 1),
        ("mixed eq '1'", 1),
        ("status eq null", 1),
    ] {
        let page = query(&[("$filter", text)]).check_and_apply(documents());
        assert_eq!(page.map(|page| page.value.len()), Ok(found), "{text}");
    }
    for (option, text, message) in [
        ("$filter", "phones eq '1'", "$filter: there is no property phones"),
        ("$filter", "methods/any(x:x eq 1)", "$filter: x is text, not to be compared with 1"),
        ("$filter", "status/code eq '1'", "$filter: status/code is a number, not to be compared with '1'"),
        ("$orderby", "ids", "$orderby: there is no property ids"),
    ] {
        let refusal = query(&[(option, text)]).check_and_apply(documents()).expect_err(text);
        assert_eq!(refusal.message, message);
        let nothing = query(&[(option, text)]).check_and_apply([]);
        assert_eq!(nothing.map(|page| page.value), Ok(vec![]), "of nothing nothing is known");
    }
    let select = query(&[("$select", "jobTitle")]).check_and_apply(documents()).unwrap();
    assert_eq!(select.value.len(), 3);
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-cA-C]{0,2}".prop_map(Value::String),
        Just(json!("2026-01-20T22:30:01Z")),
        Just(json!("2026-01-20T23:30:01+01:00")),
        Just(json!([1])),
    ]
}

proptest! {
    #[test]
    fn options_never_panic_and_read_back(
        pairs in proptest::collection::vec((
            prop_oneof![
                proptest::sample::select(vec![
                    "$filter", "$select", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$format",
                ]).prop_map(str::to_owned),
                "\\PC{0,8}",
            ],
            prop_oneof!["[0-9]{1,3}", "true|false|json", "[ab/]{1,3}( desc|,a)?", "[ab] eq [12]", "\\PC{0,12}"],
        ), 0..4),
        documents in proptest::collection::vec(plain().prop_map(|value| json!({ "a": value })), 0..4),
    ) {
        if let Ok(query) = Query::parse(pairs.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
            let _ = query.check(&json!({ "a": [{ "b": 1 }] }));
            let written = query.pairs();
            let read = Query::parse(written.iter().map(|(name, text)| (*name, text.as_str())));
            prop_assert_eq!(read.as_ref(), Ok(&query));
            prop_assert!(query.apply(documents.clone()).value.len() <= documents.len());
        }
    }

    #[test]
    fn any_documents_can_be_sorted_and_pages_are_the_whole(
        documents in proptest::collection::vec(
            (plain(), plain()).prop_map(|(a, b)| json!({ "a": a, "b": b })), 0..40),
        size in 1_usize..7,
    ) {
        let sorted = query(&[("$orderby", "a desc,b")]);
        let whole = sorted.apply(documents.clone()).value;
        prop_assert_eq!(whole.len(), documents.len());
        prop_assert_eq!(&sorted.apply(whole.clone()).value, &whole, "sorting twice changes nothing");
        let mut paged = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            let pairs = sorted.pairs_from(from);
            let page = Query::parse(pairs.iter().map(|(name, text)| (*name, text.as_str())))
                .unwrap()
                .in_pages(size, size)
                .apply(documents.clone());
            paged.extend(page.value);
            next = page.next;
        }
        prop_assert_eq!(paged, whole);
    }

}
