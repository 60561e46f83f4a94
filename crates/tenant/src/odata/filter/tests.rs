use super::parser::RESERVED;
use super::*;
use proptest::prelude::*;
use serde_json::json;

/// Filters of the public documentation of Graph's reports, logs, users and policies, and of what administrators publish.
const PUBLISHED: [&str; 31] = [
    "methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')",
    "methodsRegistered/any(t:t eq 'microsoftAuthenticatorPasswordless')",
    "methodsRegistered/any(x:x eq 'fido2SecurityKey') or methodsRegistered/any(x:x eq 'passKeySynced')",
    "isMfaRegistered eq false and isAdmin eq true",
    "userType eq 'member' and isPasswordlessCapable ne true",
    "(userPreferredMethodForSecondaryAuthentication eq 'push') and not (isSsprRegistered eq true)",
    "lastUpdatedDateTime ge 2026-01-20T00:00:00Z",
    "createdDateTime ge 2026-01-20T00:00:00Z and createdDateTime le 2026-01-21T00:00:00.9999999Z",
    "createdDateTime gt 2026-01-20",
    "status/errorCode eq 135016",
    "status/errorCode ne 0 and startswith(appDisplayName,'Office')",
    "authenticationDetails/any(d:d/authenticationMethod eq 'Passkey (device-bound)')",
    "authenticationDetails/any(d:d/authenticationMethod eq 'Passkey (device-bound)' and d/succeeded eq true)",
    "appliedConditionalAccessPolicies/any(p:p/result eq 'failure' or p/authenticationStrength/displayName eq 'Passkeys')",
    "userId eq 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'",
    "id eq aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    "policyType eq 'builtIn'",
    "policyType eq microsoft.graph.authenticationStrengthPolicyType'custom'",
    "activityDisplayName eq 'Add Passkey (device-bound)'",
    "initiatedBy/user/id eq 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'",
    "targetResources/any(t: t/displayName eq 'Adele O''Neil')",
    "additionalDetails/any(d:d/key eq 'AAGuid' and d/value eq '90a3ccdf-635c-4729-a248-9b709135078f')",
    "NOT startsWith(displayName, 'Conf')",
    "NOT(mail eq null)",
    "endsWith(mail,'@contoso.example')",
    "country in ('Ecuador', 'India', 'Germany')",
    "companyName ne null and NOT(companyName eq 'Microsoft')",
    "groupTypes/any(c:c eq 'Unified')",
    "proxyAddresses/$count eq 0",
    "not methodsRegistered/any()",
    "tolower(userPrincipalName) eq 'adele@contoso.example'",
];

fn refused(text: &str) -> (String, String) {
    let refusal = Filter::parse(text).expect_err(text);
    (refusal.message, refusal.hint.unwrap_or_default())
}

#[test]
fn published_filters_are_read_and_written_back() {
    for text in PUBLISHED {
        let filter = Filter::parse(text).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        assert_eq!(Filter::parse(&filter.to_string()).as_ref(), Ok(&filter), "{text} as {filter}");
    }
}

#[test]
fn precedence_is_the_specification_s() {
    for (text, parenthesised) in [
        ("a eq 1 or b eq 2 and c eq 3", "a eq 1 or (b eq 2 and c eq 3)"),
        ("not a and b", "(not a) and b"),
        ("not contains(a,'x') or b", "(not contains(a,'x')) or b"),
        ("a in (1,2) and not b", "(a in (1,2)) and (not (b))"),
    ] {
        let documents = [true, false].into_iter().flat_map(|b| {
            (0..4).map(move |n| json!({ "a": n, "b": b, "c": n + 1 })).chain([json!({ "a": b, "b": b })])
        });
        let (left, right) = (Filter::parse(text).unwrap(), Filter::parse(parenthesised).unwrap());
        for document in documents {
            assert_eq!(left.matches(&document), right.matches(&document), "{text} on {document}");
        }
    }
    assert_ne!(Filter::parse("(a or b) and c"), Filter::parse("a or b and c"));
}

#[test]
fn a_filter_says_what_the_specification_has_it_say() {
    let document = json!({
        "id": "Y7y5RU8Eo0NkHi-K_w7RrFqZtACAocuRpaTfLs3yPcw1",
        "userId": "AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "displayName": "Adele O'Neil",
        "isAdmin": false,
        "mail": null,
        "createdDateTime": "2026-01-20T22:30:01Z",
        "status": { "errorCode": 135016, "score": 0.5, "big": 9_007_199_254_740_993_u64 },
        "methodsRegistered": ["passKeyDeviceBoundAuthenticator", "softwareOneTimePasscode"],
        "none": [],
        "details": [
            { "method": "Password", "steps": [1, 2], "ok": true },
            { "method": "Passkey (device-bound)", "steps": [3], "ok": null },
        ],
    });
    for (text, expected) in [
        ("displayName eq 'Adele O''Neil'", true),
        ("DisplayName eq 'adele o''neil'", true),
        ("status/ErrorCode eq 135016", true),
        ("status/errorCode eq 135016.0", true),
        ("status/errorCode eq -135016", false),
        ("status/errorCode gt 135015 and status/errorCode lt 135017", true),
        ("status/score ge 0.5 and status/score le 5e-1", true),
        ("status/big eq 9007199254740993", true),
        ("status/big eq 9007199254740992", false),
        ("135016 eq status/errorCode", true),
        ("status/errorCode eq '135016'", false),
        ("status/errorCode ne '135016'", true),
        ("userId eq aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", true),
        ("userId eq 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'", true),
        ("createdDateTime eq 2026-01-20T23:30:01+01:00", true),
        ("createdDateTime eq '2026-01-20T22:30:01.000Z'", true),
        ("createdDateTime gt 2026-01-20", true),
        ("createdDateTime lt 2026-01-20T22:30:01Z", false),
        ("displayName lt 2026-01-20T22:30:01Z", false),
        ("displayName ge 'adele' and displayName lt 'adf'", true),
        ("mail eq null", true),
        ("missing eq null", true),
        ("mail ne null", false),
        ("mail ne 'a'", true),
        ("mail lt 'a' or mail ge 'a'", false),
        ("isAdmin", false),
        ("not isAdmin", true),
        ("not mail", false),
        ("not not isAdmin", false),
        ("(isAdmin eq false) eq true", true),
        ("isAdmin eq (status/errorCode eq 0)", true),
        (
            "startswith(displayName,'ADELE') and endswith(displayName,'neil') and contains(displayName,'''')",
            true,
        ),
        ("not startswith(mail,'a')", false),
        ("contains(toupper(displayName),'DELE') eq true", true),
        ("tolower(displayName) eq 'adele o''neil'", true),
        ("id in ('x', 'Y7y5RU8Eo0NkHi-K_w7RrFqZtACAocuRpaTfLs3yPcw1')", true),
        ("status/errorCode in (1, 2.5, null)", false),
        ("mail in (null)", true),
        ("methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')", true),
        ("MethodsRegistered/ANY(x:contains(x,'onetime'))", true),
        ("methodsRegistered/all(x:contains(x,'onetime'))", false),
        ("methodsRegistered/all(x:x ne 'password')", true),
        ("methodsRegistered/any()", true),
        ("none/any()", false),
        ("none/all(x:false)", true),
        ("missing/any(x:true)", false),
        ("methodsRegistered/$count eq 2", true),
        ("methodsRegistered eq 'softwareOneTimePasscode'", false),
        ("details/any(d:d/method eq 'Passkey (device-bound)')", true),
        ("details/any(d:d/steps/any(s:s gt 2) and d/method eq 'Password')", false),
        (
            "details/any(d:d/steps/any(s:s gt 2 and d/method ne 'Password' and status/errorCode eq 135016))",
            true,
        ),
        ("details/any(d:d/steps/$count eq 2)", true),
        ("details/all(d:d/ok)", false),
        ("details/any(d:d/ok)", true),
    ] {
        let filter = Filter::parse(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        assert_eq!(filter.matches(&document), expected, "{text}");
        assert_eq!(Filter::parse(&filter.to_string()).as_ref(), Ok(&filter), "{text}");
    }
}

#[test]
fn what_is_no_filter_is_told_with_its_place_and_what_to_do() {
    let mut wrong = Vec::new();
    for (text, message, hint) in [
        ("", "1: expected a property, a value or a condition, not the end", ""),
        ("a eq", "5: expected a property, a value or a condition, not the end", ""),
        ("displayName = 'x'", "13: = is no operator", "write eq"),
        ("a == 1", "3: == is no operator", "write eq"),
        ("a eq 1 && b eq 2", "8: && is no operator", "write and"),
        ("displayName eq 'O'Neil'", "23: the text that begins here does not end", "O''Neil"),
        ("displayName eq 'Neil", "16: the text that begins here does not end", "O''Neil"),
        ("displayName eq \"x\"", "16: '\"' has no meaning here", "single quotes"),
        ("ä eq 1", "1: 'ä' has no meaning here", ""),
        ("displayName eq 'ä' und a", "20: expected and, or or the end, not und", "there are eq"),
        ("displayName equals 'x'", "13: expected and, or or the end, not equals", "did you mean eq?"),
        ("types has 'synced'", "7: expected and, or or the end, not has", "has is not known here"),
        ("'x' eg a", "5: expected an operator, not eg", "there are eq"),
        ("'x'", "1: 'x' is neither true nor false", "compare it"),
        ("a and 5 or b", "7: 5 is neither true nor false", "compare it"),
        ("tolower(a)", "1: tolower(a) is neither true nor false", "compare it"),
        ("not a eq 1", "7: not binds before eq", "not (… eq …)"),
        ("a eq 1 eq 2", "8: expected and, or or the end, not eq", ""),
        ("(a eq 1", "8: expected ), not the end", ""),
        ("a eq 1)", "7: this parenthesis closes nothing", ""),
        ("startwith(a,'b')", "1: there is no function startwith", "did you mean startswith?"),
        ("any(x:x eq 1)", "1: there is no function any", "name the collection before it"),
        ("startswith(a)", "13: expected ,, not )", ""),
        ("startswith(a,5)", "14: startswith takes text, not 5", ""),
        ("a/some(x:x)", "3: there is no function some of a collection", "any and all"),
        ("a/any(x eq 1)", "9: expected :, not eq", ""),
        ("a/all()", "7: expected a variable, not )", "any(x:x eq 'sms')"),
        ("a/any(x:b/any(x:x))", "15: x is a variable already", ""),
        ("a/any(x:b/any(y:c/any(z:d/any(w:w))))", "27: any and all nest deeper than 3", ""),
        ("status.errorCode eq 1", "1: status.errorCode is no property", "parted by /"),
        (
            "createdDateTime gt datetime'2026-01-20'",
            "20: datetime'…' is how OData 2 writes values",
            "without quotes",
        ),
        ("a gt 2026-01-20T23:30:01 01:00", "6: 2026-01-20T23:30:01 is no number, moment or ID", "%2B"),
        ("a gt 2026-13-20T23:30:01Z", "6: 2026-13-20T23:30:01Z is no number", "single quotes"),
        ("a eq 1e999", "6: 1e999 is no number", ""),
        ("a eq -b", "6: -b is no number", "no arithmetic"),
        ("a eq @p", "6: '@' has no meaning here", "aliases"),
        ("a in 'x'", "6: expected (, not 'x'", ""),
        ("a in (b)", "7: expected a value, not b", ""),
        ("a in ()", "7: expected a value, not )", ""),
        ("a/ 'x' eq 1", "4: expected a property, not 'x'", ""),
        ("eq eq 1", "1: expected a property, a value or a condition, not eq", ""),
    ] {
        let (said, advised) = refused(text);
        let expected = format!("$filter at character {message}");
        if !said.starts_with(&expected) || !advised.contains(hint) {
            wrong.push(format!("{text}: {said:?} ({advised:?}) instead of {expected:?} ({hint:?})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn depth_and_length_are_bounded() {
    for (open, close) in [("(", ")"), ("not ", ""), ("tolower(", ")"), ("a/any(", ")"), ("((a) and ", ")")] {
        for times in [1000, 100_000] {
            let (said, _) = refused(&format!("{}a{}", open.repeat(times), close.repeat(times)));
            assert!(
                said.contains("deeper than") || said.contains("longer than") || said.contains("expected"),
                "{said}"
            );
        }
    }
    let nested = |times: usize| format!("{}a{}", "(".repeat(times), ")".repeat(times));
    assert!(Filter::parse(&nested(DEEPEST)).is_ok());
    assert_eq!(refused(&nested(DEEPEST + 1)).0, "$filter at character 65: nested deeper than 64");
    let long = vec!["a eq 1"; 1500].join(" or ");
    assert!(Filter::parse(&long).unwrap().matches(&json!({ "a": 1 })));
    assert_eq!(refused(&"a".repeat(LONGEST + 1)).0, "$filter is longer than 16384 bytes");
}

fn name() -> impl Strategy<Value = String> {
    // Half of them are members of `document`s.
    prop_oneof![Just("a".to_owned()), Just("B".to_owned()), "[a-cA-C_][a-z0-9_]{0,3}"]
        .prop_filter("reserved", |name| !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)))
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(|number| Literal::Number(number.into())),
        any::<u64>().prop_map(|number| Literal::Number(number.into())),
        any::<f64>().prop_filter_map("finite", serde_json::Number::from_f64).prop_map(Literal::Number),
        "[a-z' äß()]{0,5}".prop_map(Literal::Text),
        any::<[u8; 16]>().prop_map(|bytes| Literal::Guid(crate::Guid(bytes))),
        (-60_000_000_000_000_i64..250_000_000_000_000).prop_map(|ms| Literal::Moment(crate::Time(ms))),
    ]
}

/// Values for `literal`s and `document`s to meet on.
fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3_i64..3).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::String),
        Just(json!("2026-01-20T22:30:01Z")),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    plain().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn path() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(name(), 1..4)
}

fn textual() -> impl Strategy<Value = Expression> {
    prop_oneof![
        "[a-c']{0,2}".prop_map(|text| Expression::Literal(Literal::Text(text))),
        path().prop_map(Expression::Path),
        path().prop_map(|path| Expression::Call(Function::ToLower, vec![Expression::Path(path)])),
    ]
}

fn value() -> impl Strategy<Value = Expression> {
    let counted = path().prop_map(|mut path| {
        path.push("$count".to_owned());
        Expression::Path(path)
    });
    prop_oneof![literal().prop_map(Expression::Literal), textual(), counted]
}

fn condition() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        path().prop_map(Expression::Path),
        any::<bool>().prop_map(|truth| Expression::Literal(Literal::Bool(truth))),
        (proptest::sample::select(&Function::ALL[..3]), textual(), textual())
            .prop_map(|(function, left, right)| Expression::Call(function, vec![left, right])),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let operand = prop_oneof![value(), inner.clone()];
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            (operand.clone(), proptest::sample::select(&Comparison::ALL[..]), operand.clone())
                .prop_map(|(a, by, b)| Expression::Compare(Box::new(a), by, Box::new(b))),
            (operand, proptest::collection::vec(literal(), 1..4))
                .prop_map(|(left, items)| Expression::In(Box::new(left), items)),
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            several.clone().prop_map(Expression::And),
            several.prop_map(Expression::Or),
            (path(), any::<bool>(), proptest::option::of((name(), inner.prop_map(Box::new)))).prop_map(
                |(path, all, condition)| {
                    let all = all && condition.is_some();
                    Expression::Lambda(path, if all { Quantifier::All } else { Quantifier::Any }, condition)
                }
            ),
        ]
    })
}

/// Whether lambdas nest as the parser lets them.
fn scopes_well(expression: &Expression, variables: &mut Vec<String>) -> bool {
    match expression {
        Expression::Literal(_) | Expression::Path(_) => true,
        Expression::Call(_, parts) | Expression::And(parts) | Expression::Or(parts) => {
            parts.iter().all(|part| scopes_well(part, variables))
        }
        Expression::Compare(left, _, right) => scopes_well(left, variables) && scopes_well(right, variables),
        Expression::In(inner, _) | Expression::Not(inner) => scopes_well(inner, variables),
        Expression::Lambda(_, _, None) => variables.len() < DEEPEST_LAMBDA,
        Expression::Lambda(_, _, Some((name, inner))) => {
            if variables.contains(name) || variables.len() == DEEPEST_LAMBDA {
                return false;
            }
            variables.push(name.clone());
            let well = scopes_well(inner, variables);
            variables.pop();
            well
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_panics(text in "\\PC{0,60}", document in document()) {
        if let Ok(filter) = Filter::parse(&text) {
            filter.matches(&document);
        }
    }

    #[test]
    fn a_heap_of_words_does_not_panic_and_reads_back_if_it_reads(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "a", "b", "a/b", "(", ")", ",", "/", ":", "x", "'t'", "1", "null", "true", "eq", "ne", "in", "and", "or",
            "not", "a/any(x:", "x/b", "tolower(", "startswith(", "$count", "2026-01-20", "é", "'", "-",
        ]), 0..16),
        document in document(),
    ) {
        if let Ok(filter) = Filter::parse(&words.join(" ")) {
            filter.matches(&document);
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was(condition in condition()) {
        prop_assume!(scopes_well(&condition, &mut Vec::new()));
        let filter = Filter(condition);
        prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn negation_goes_through_and_and_or(a in condition(), b in condition(), document in document()) {
        let not = |inner: &Expression| Expression::Not(Box::new(inner.clone()));
        let truth = |condition: Expression| evaluate::truth(&condition, &document);
        let pair = vec![a.clone(), b.clone()];
        let negated = vec![not(&a), not(&b)];
        prop_assert_eq!(truth(not(&Expression::And(pair.clone()))), truth(Expression::Or(negated.clone())));
        prop_assert_eq!(truth(not(&Expression::Or(pair))), truth(Expression::And(negated)));
        prop_assert_eq!(truth(not(&not(&a))), truth(a));
    }

    #[test]
    fn all_is_not_any_not(inner in condition(), elements in proptest::collection::vec(document(), 0..4)) {
        // What begins with `a` is of the element.
        let document = json!({ "all": elements, "b": 1, "c": [true] });
        let over = |quantifier, inner| {
            Expression::Lambda(vec!["all".into()], quantifier, Some(("a".into(), Box::new(inner))))
        };
        let all = over(Quantifier::All, inner.clone());
        let none = Expression::Not(Box::new(over(Quantifier::Any, Expression::Not(Box::new(inner)))));
        prop_assert_eq!(evaluate::truth(&all, &document), evaluate::truth(&none, &document));
    }
}
