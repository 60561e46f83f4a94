//! Comma-separated values.
use super::*;
use crate::records::csv;

/// Rows by the names of columns, as a reader that knows nothing of this tenant has them.
fn rows(text: &str) -> Vec<std::collections::HashMap<String, String>> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn sign_ins_come_out_of_a_table_as_they_went_in() {
    let document = fixture("signIns-beta");
    let entries = document["value"].as_array().unwrap();
    let rows = rows(&csv::sign_ins(entries));
    assert_eq!(rows.len(), entries.len());
    for (row, entry) in rows.iter().zip(entries) {
        assert_eq!(row["Date (UTC)"], entry["createdDateTime"]);
        assert_eq!(row["Application ID "], entry["appId"]);
        assert_eq!(row["Sign-in error code"], entry["status"]["errorCode"].to_string());
        assert_eq!(row["Status"] == "Success", entry["status"]["errorCode"] == 0);
        assert_eq!(row["Failure reason"], entry["status"]["failureReason"]);
        assert_eq!(row["Multifactor authentication auth method"], "Passkey (device-bound)");
        let detail = &entry["authenticationDetails"][0]["authenticationMethodDetail"];
        assert_eq!(row["Multifactor authentication auth detail"], *detail);
    }
    assert_eq!(
        rows[0]["Multifactor authentication result"],
        "MFA requirement satisfied by multi-factor device"
    );
}

#[test]
fn audits_have_as_many_details_as_the_longest_entry() {
    let mut golden = fixture("directoryAudits")["value"][0].take();
    let mut short = golden.clone();
    short["additionalDetails"] = json!([]);
    golden["additionalDetails"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "key": "third", "value": "a,\"b\"\r\nc" }));
    let rows = rows(&csv::audits(&[short, golden]));
    assert_eq!(rows[0]["AdditionalDetail3Value"], "");
    assert_eq!(rows[1]["AdditionalDetail2Key"], "AAGuid");
    assert_eq!(rows[1]["AdditionalDetail2Value"], IOS);
    assert_eq!(rows[1]["AdditionalDetail3Value"], "a,\"b\"\r\nc");
    assert_eq!(rows[1]["ActorType"], "User");
    assert_eq!(rows[1]["Target1DisplayName"], "Y7y5RU8Eo0NkHi+K/w7RrFqZtACAocuRpaTfLs3yPcw=");
}

#[test]
fn registrations_are_told_in_words_for_people() {
    let document = fixture("userRegistrationDetails");
    let row = &rows(&csv::registration_details(document["value"].as_array().unwrap()))[0];
    assert_eq!(row["Multifactor authentication capable"], "Capable");
    assert_eq!(row["SSPR registered"], "Not Registered");
    let methods = "Microsoft Authenticator app (push notification), Software OATH token, \
                   Passkey (Microsoft Authenticator)";
    assert_eq!(row["Methods registered"], methods);
}

#[test]
fn no_cell_is_a_formula() {
    for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
        let table = csv::registration_details(&[json!({ "userDisplayName": name })]);
        assert_eq!(rows(&table)[0]["Name"], format!("'{name}"));
    }
    for name in ["Adele", "a=b", "'quoted", "", "a-b"] {
        let table = csv::registration_details(&[json!({ "userDisplayName": name })]);
        assert_eq!(rows(&table)[0]["Name"], name);
    }
}

#[test]
fn what_was_not_selected_is_empty_and_no_document_is_a_heading() {
    let row = &rows(&csv::sign_ins(&[json!({ "id": "a" })]))[0];
    assert_eq!(row["Request ID"], "a");
    assert!(row.iter().all(|(name, cell)| name == "Request ID" || cell.is_empty()), "{row:?}");
    for make in [csv::sign_ins, csv::audits, csv::registration_details] {
        assert_eq!(make(&[]).lines().count(), 1);
    }
}
