//! Authentication strengths, Graph `authenticationStrengthPolicy`: which combinations of methods are good enough.
use super::combination::{Combination, Factor, Mode};
use super::document::{Document, bad, quoted};
use crate::guid::Guid;
use crate::refusal::{Clause, Refusal, RefusalKind};
use crate::time::Time;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use wire::aaguid::Aaguid;

mod evaluation;
pub(super) use evaluation::Assessment;

/// How many strengths of its own a tenant may have: Microsoft's documentation.
pub const MOST_CUSTOM: usize = 15;
/// The length of a name in characters: this tenant's limit.
const LONGEST_NAME: usize = 256;
/// The length of a description in characters: this tenant's limit.
const LONGEST_DESCRIPTION: usize = 1500;
/// How many AAGUIDs a configuration lists: this tenant's limit.
const MOST_AAGUIDS: usize = 1000;
/// The only kind of configuration that is imitated.
const FIDO2_CONFIGURATION: &str = "microsoft.graph.fido2CombinationConfiguration";
/// The other kind that Graph has.
const X509_CONFIGURATION: &str = "x509CertificateCombinationConfiguration";
const STRENGTH: &str = "microsoft.graph.authenticationStrengthPolicy";
const PATH: &str = "authenticationStrengthPolicy";

/// `policyType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyType {
    /// In every tenant, and not to be changed.
    BuiltIn,
    /// This tenant's own.
    Custom,
}

/// `fido2CombinationConfiguration`: which models of passkey are good enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CombinationConfiguration {
    /// Its ID within the strength.
    pub id: Guid,
    /// The models.
    #[serde(rename = "allowedAAGUIDs", with = "aaguids")]
    pub allowed_aaguids: Vec<Aaguid>,
}

/// An authentication strength.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strength {
    /// The ID.
    pub id: Guid,
    /// The name, which sign-in logs show as the requirement.
    pub display_name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Built in or custom.
    pub policy_type: PolicyType,
    /// What is good enough, any of them.
    pub allowed_combinations: Vec<Combination>,
    /// What is asked of passkeys beyond that; all of them have to agree.
    #[serde(default)]
    pub combination_configurations: Vec<CombinationConfiguration>,
    /// When it was made.
    pub created: Time,
    /// When it was changed.
    pub modified: Time,
}

/// Graph `authenticationStrengthResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StrengthResult {
    /// What was shown is good enough.
    Satisfied,
    /// One more method has to be shown, and there is one.
    SingleChallengeRequired,
    /// More than one has to be shown, and there are.
    MultipleChallengesRequired,
    /// One method has to be registered first.
    SingleRegistrationRequired,
    /// More than one has to be registered first.
    MultipleRegistrationsRequired,
    /// It would do but for a combination configuration.
    CannotSatisfyDueToCombinationConfiguration,
    /// Nothing that the user has or may register would do.
    CannotSatisfy,
}

impl StrengthResult {
    /// Graph's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::SingleChallengeRequired => "singleChallengeRequired",
            Self::MultipleChallengesRequired => "multipleChallengesRequired",
            Self::SingleRegistrationRequired => "singleRegistrationRequired",
            Self::MultipleRegistrationsRequired => "multipleRegistrationsRequired",
            Self::CannotSatisfyDueToCombinationConfiguration => "cannotSatisfyDueToCombinationConfiguration",
            Self::CannotSatisfy => "cannotSatisfy",
        }
    }
}

/// When Graph says that the built-in strengths were made: 2021-12-01T00:00:00Z.
const BUILT_IN_SINCE: Time = Time::from_seconds(1_638_316_800);

/// The three strengths that every tenant has.
pub fn built_in() -> Vec<Strength> {
    vec![MULTI_FACTOR.clone(), passwordless(), phishing_resistant()]
}

fn of_the_house(id: u8, name: &str, description: &str, allowed: Vec<Combination>) -> Strength {
    Strength {
        id: Guid::small(id),
        display_name: name.into(),
        description: description.into(),
        policy_type: PolicyType::BuiltIn,
        allowed_combinations: allowed,
        combination_configurations: Vec::new(),
        created: BUILT_IN_SINCE,
        modified: BUILT_IN_SINCE,
    }
}

/// The built-in strength that the grant control `mfa` is the same as.
pub(super) static MULTI_FACTOR: LazyLock<Strength> = LazyLock::new(|| {
    of_the_house(
        2,
        "Multifactor authentication",
        "Combinations of methods that satisfy strong authentication, such as a password + SMS",
        Combination::multi_factor(),
    )
});

fn passwordless() -> Strength {
    let modes =
        [Mode::WindowsHelloForBusiness, Mode::Fido2, Mode::X509CertificateMultiFactor, Mode::DeviceBasedPush];
    of_the_house(
        3,
        "Passwordless MFA",
        "Passwordless methods that satisfy strong authentication, such as Passwordless sign-in with the Microsoft \
         Authenticator",
        modes.map(Combination::single).into(),
    )
}

fn phishing_resistant() -> Strength {
    let modes = [Mode::WindowsHelloForBusiness, Mode::Fido2, Mode::X509CertificateMultiFactor];
    of_the_house(
        4,
        "Phishing resistant MFA",
        "Phishing resistant, Passwordless methods for the strongest authentication, such as a FIDO2 security key",
        modes.map(Combination::single).into(),
    )
}

/// What a document may say of a strength.
const PROPERTIES: [&str; 9] = [
    "id",
    "createdDateTime",
    "modifiedDateTime",
    "displayName",
    "description",
    "policyType",
    "requirementsSatisfied",
    "allowedCombinations",
    "combinationConfigurations",
];

impl Strength {
    /// The three strengths that every tenant has.
    pub fn built_in() -> Vec<Self> {
        built_in()
    }

    /// A strength of a document, Graph's POST of authenticationStrengthPolicies.
    ///
    /// # Errors
    /// BadRequest, if there is something in the document that has no meaning here, or no name or combination.
    pub fn from_graph(body: &Value, now: Time, rng: &mut dyn CryptoRng) -> Result<Self, Refusal> {
        let document = Document::new(body, PATH, &PROPERTIES)?;
        document.odata_type(STRENGTH, false)?;
        let name = read_name(document)?.ok_or_else(|| bad(format!("{PATH} has no displayName")))?;
        let combinations =
            read_combinations(document)?.ok_or_else(|| bad(format!("{PATH} has no allowedCombinations")))?;
        for own in ["id", "createdDateTime", "modifiedDateTime"] {
            if document.given(own).is_some() {
                return Err(bad(format!("{PATH}.{own} is for the tenant to say")).hint("leave it out"));
            }
        }
        document.word("policyType", &["custom"])?;
        let mut strength = Self {
            id: Guid::random(rng),
            display_name: name,
            description: document.text("description", LONGEST_DESCRIPTION)?.unwrap_or_default().into(),
            policy_type: PolicyType::Custom,
            allowed_combinations: combinations,
            combination_configurations: Vec::new(),
            created: now,
            modified: now,
        };
        document.word("requirementsSatisfied", &[strength.requirements_satisfied()])?;
        for configuration in document.list("combinationConfigurations", 1)?.unwrap_or_default() {
            strength = strength.with_configuration(configuration, now, rng)?.0;
        }
        Ok(strength)
    }

    /// The same after a PATCH of its name or description.
    ///
    /// # Errors
    /// BadRequest; Forbidden if it is built in.
    pub fn patched(&self, body: &Value, now: Time) -> Result<Self, Refusal> {
        self.check_editable()?;
        let document = Document::new(body, PATH, &PROPERTIES)?;
        document.odata_type(STRENGTH, false)?;
        let shown = self.to_graph();
        for (fixed, hint) in [
            ("id", "leave it out"),
            ("createdDateTime", "leave it out"),
            ("modifiedDateTime", "leave it out"),
            ("policyType", "leave it out"),
            ("requirementsSatisfied", "leave it out: it follows from the combinations"),
            ("allowedCombinations", "POST them to updateAllowedCombinations"),
            ("combinationConfigurations", "POST, PATCH or DELETE them under combinationConfigurations"),
        ] {
            if document.given(fixed).is_some_and(|given| *given != shown[fixed]) {
                return Err(bad(format!("{PATH}.{fixed} does not change by PATCH")).hint(hint));
            }
        }
        let mut patched = self.clone();
        if let Some(name) = read_name(document)? {
            patched.display_name = name;
        }
        if let Some(description) = document.get("description") {
            let text = document.text("description", LONGEST_DESCRIPTION)?;
            patched.description =
                if description.is_null() { String::new() } else { text.unwrap_or_default().into() };
        }
        patched.modified = now;
        Ok(patched)
    }

    /// Other combinations, Graph's action updateAllowedCombinations, and the action's answer. `references` are the
    /// conditional access policies that ask for this strength.
    ///
    /// # Errors
    /// BadRequest, also if a configuration would have nothing to configure; Forbidden if it is built in; Conflict if
    /// policies rely on its being multifactor authentication and it would be no longer.
    pub fn update_allowed_combinations(
        &self,
        body: &Value,
        now: Time,
        references: &[Guid],
    ) -> Result<(Self, Value), Refusal> {
        self.check_editable()?;
        let document = Document::new(body, "updateAllowedCombinations", &["allowedCombinations"])?;
        let combinations = read_combinations(document)?
            .ok_or_else(|| bad("updateAllowedCombinations has no allowedCombinations"))?;
        let updated = Self { allowed_combinations: combinations, modified: now, ..self.clone() };
        if !updated.combination_configurations.is_empty() && !updated.allows(Mode::Fido2) {
            return Err(bad(format!(
                "{} lists models of passkeys, which would have no meaning without the combination fido2",
                quoted(&self.display_name)
            ))
            .hint("delete its combinationConfigurations first"));
        }
        if !references.is_empty() && self.is_multi_factor() && !updated.is_multi_factor() {
            let message = format!(
                "{} would no longer be multifactor authentication, and conditional access policies ask for it",
                quoted(&self.display_name)
            );
            let policies: Vec<String> = references.iter().map(Guid::to_string).collect();
            return Err(Refusal::new(RefusalKind::Conflict, "sim_strength_in_use", message)
                .hint(format!("change these policies first: {}", policies.join(", "))));
        }
        let added = updated.allowed_combinations.iter().any(|one| !self.allowed_combinations.contains(one));
        let information = match (added, references.is_empty()) {
            (true, false) => {
                "combinations were added, and conditional access policies ask for this strength: \
                              see conditionalAccessReferences; to go back, send previousCombinations"
            }
            _ => "",
        };
        let answer = json!({
            "@odata.type": "#microsoft.graph.updateAllowedCombinationsResult",
            "previousCombinations": self.allowed_combinations,
            "currentCombinations": updated.allowed_combinations,
            "conditionalAccessReferences": references,
            "additionalInformation": information,
        });
        Ok((updated, answer))
    }

    /// One more combination configuration, Graph's POST of combinationConfigurations; it is the second of the two.
    ///
    /// # Errors
    /// BadRequest, also for x509 configurations and for strengths without the combination fido2; Forbidden if the
    /// strength is built in; Conflict if there is one already.
    pub fn with_configuration(
        &self,
        body: &Value,
        now: Time,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, CombinationConfiguration), Refusal> {
        self.check_editable()?;
        let aaguids = read_configuration(body, true)?
            .ok_or_else(|| bad("combinationConfiguration has no allowedAAGUIDs"))?;
        if !self.allows(Mode::Fido2) {
            return Err(bad(format!("{} does not allow fido2", quoted(&self.display_name)))
                .hint("add it by updateAllowedCombinations first"));
        }
        if let Some(there) = self.combination_configurations.first() {
            let message = format!("{} has a configuration of fido2 already", quoted(&self.display_name));
            return Err(Refusal::new(RefusalKind::Conflict, "sim_configuration_exists", message)
                .hint(format!("PATCH {}", there.id)));
        }
        let configuration = CombinationConfiguration { id: Guid::random(rng), allowed_aaguids: aaguids };
        let mut changed = Self { modified: now, ..self.clone() };
        changed.combination_configurations.push(configuration.clone());
        Ok((changed, configuration))
    }

    /// The same with a combination configuration changed, Graph's PATCH of it. Its list is replaced as a whole.
    ///
    /// # Errors
    /// BadRequest; NotFound; Forbidden if the strength is built in.
    pub fn with_configuration_patched(&self, id: Guid, body: &Value, now: Time) -> Result<Self, Refusal> {
        self.check_editable()?;
        let index = self.configuration_index(id)?;
        let mut changed = Self { modified: now, ..self.clone() };
        if let Some(aaguids) = read_configuration(body, false)? {
            changed.combination_configurations[index].allowed_aaguids = aaguids;
        }
        Ok(changed)
    }

    /// The same without a combination configuration.
    ///
    /// # Errors
    /// NotFound; Forbidden if the strength is built in.
    pub fn without_configuration(&self, id: Guid, now: Time) -> Result<Self, Refusal> {
        self.check_editable()?;
        let index = self.configuration_index(id)?;
        let mut changed = Self { modified: now, ..self.clone() };
        changed.combination_configurations.remove(index);
        Ok(changed)
    }

    /// A combination configuration.
    ///
    /// # Errors
    /// NotFound.
    pub fn configuration(&self, id: Guid) -> Result<&CombinationConfiguration, Refusal> {
        self.configuration_index(id).map(|index| &self.combination_configurations[index])
    }

    fn configuration_index(&self, id: Guid) -> Result<usize, Refusal> {
        self.combination_configurations.iter().position(|one| one.id == id).ok_or_else(|| {
            let message = format!("{} has no combination configuration {id}", quoted(&self.display_name));
            Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
        })
    }

    /// Refuses changes of what is built in.
    ///
    /// # Errors
    /// Forbidden.
    pub fn check_editable(&self) -> Result<(), Refusal> {
        if self.policy_type == PolicyType::Custom {
            return Ok(());
        }
        let message =
            format!("{} is built in: it is neither changed nor deleted", quoted(&self.display_name));
        Err(Refusal::new(RefusalKind::Forbidden, "sim_strength_built_in", message)
            .hint("make a strength of your own: POST authenticationStrengthPolicies"))
    }

    /// The document, without `@odata.context`.
    pub fn to_graph(&self) -> Value {
        let configurations: Vec<Value> =
            self.combination_configurations.iter().map(CombinationConfiguration::to_graph).collect();
        json!({
            "id": self.id,
            "createdDateTime": self.created,
            "modifiedDateTime": self.modified,
            "displayName": self.display_name,
            "description": self.description,
            "policyType": self.policy_type,
            "requirementsSatisfied": self.requirements_satisfied(),
            "allowedCombinations": self.allowed_combinations,
            "combinationConfigurations": configurations,
        })
    }

    /// `requirementsSatisfied`: `mfa` if every combination is multifactor authentication, otherwise `none`. That it
    /// is every one is a guess.
    pub fn requirements_satisfied(&self) -> &'static str {
        if self.is_multi_factor() { "mfa" } else { "none" }
    }

    fn is_multi_factor(&self) -> bool {
        self.allowed_combinations.iter().all(Combination::is_multi_factor)
    }

    fn allows(&self, mode: Mode) -> bool {
        self.allowed_combinations.iter().any(|combination| combination.modes().any(|one| one == mode))
    }

    /// Every model that a combination configuration lists.
    pub fn allowed_aaguids(&self) -> impl Iterator<Item = Aaguid> {
        self.combination_configurations.iter().flat_map(|one| one.allowed_aaguids.iter().copied())
    }

    /// Whether a passkey may be of any model.
    pub fn takes_any_model(&self) -> bool {
        self.combination_configurations.is_empty()
    }

    /// Whether a factor may be a part of what satisfies this strength: its mode is in a combination, and its model
    /// in every combination configuration.
    pub fn accepts(&self, factor: &Factor) -> bool {
        self.allows(factor.mode) && self.configured(factor)
    }

    /// Whether combination configurations let a factor through.
    fn configured(&self, factor: &Factor) -> bool {
        factor.mode != Mode::Fido2
            || self.combination_configurations.iter().all(|configuration| {
                factor.aaguid.is_some_and(|aaguid| configuration.allowed_aaguids.contains(&aaguid))
            })
    }

    /// What does not fit together between this strength and a passkey policy that is an allow list. Both lists
    /// should be the same: a page may otherwise offer to register what the other of the two then refuses.
    pub fn beside_allow_list(&self, policy: &BTreeSet<Aaguid>) -> Vec<Clause> {
        let path = format!("authenticationStrength[{}].combinationConfigurations", self.display_name);
        if !self.allows(Mode::Fido2) {
            return Vec::new();
        }
        if self.takes_any_model() {
            let says = "it takes passkeys of any model, but the passkey policy is an allow list: My Security Info \
                        can offer to register one that the policy then refuses; list the policy's AAGUIDs here too";
            return vec![Clause::fails(path, says)];
        }
        let missing: BTreeSet<Aaguid> = self.allowed_aaguids().filter(|one| !policy.contains(one)).collect();
        let missing: Vec<String> = missing.iter().map(Aaguid::to_string).collect();
        if missing.is_empty() {
            return vec![Clause::holds(
                path,
                "every model that it takes is in the passkey policy's allow list",
            )];
        }
        let says = format!(
            "it takes {}, which the passkey policy's allow list does not have: nobody can register these",
            missing.join(", ")
        );
        vec![Clause::fails(path, says)]
    }
}

impl CombinationConfiguration {
    /// The document.
    pub fn to_graph(&self) -> Value {
        let aaguids: Vec<String> = self.allowed_aaguids.iter().map(Aaguid::to_string).collect();
        json!({
            "@odata.type": format!("#{FIDO2_CONFIGURATION}"),
            "id": self.id,
            "appliesToCombinations": [Mode::Fido2],
            "allowedAAGUIDs": aaguids,
        })
    }
}

fn read_name(document: Document<'_>) -> Result<Option<String>, Refusal> {
    match document.text("displayName", LONGEST_NAME)? {
        Some(name) if name.trim().is_empty() => Err(bad(format!("{PATH}.displayName is empty"))),
        name => Ok(name.map(Into::into)),
    }
}

fn read_combinations(document: Document<'_>) -> Result<Option<Vec<Combination>>, Refusal> {
    let most = Combination::published().count();
    let Some(texts) = document.texts("allowedCombinations", most)? else { return Ok(None) };
    let mut combinations = Vec::new();
    for text in texts {
        let combination = Combination::parse(text)?;
        if !combinations.contains(&combination) {
            combinations.push(combination);
        }
    }
    if combinations.is_empty() {
        return Err(bad(
            "allowedCombinations is empty, and a strength that nothing satisfies lets nobody in",
        ));
    }
    Ok(Some(combinations))
}

/// The AAGUIDs of a configuration's document, if it says any.
fn read_configuration(body: &Value, new: bool) -> Result<Option<Vec<Aaguid>>, Refusal> {
    let path = "combinationConfiguration";
    let kind = body.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    if kind.to_ascii_lowercase().contains(&X509_CONFIGURATION.to_ascii_lowercase()) {
        let message = "this tenant has no certificates, and so no x509CertificateCombinationConfiguration";
        return Err(Refusal::new(RefusalKind::BadRequest, "sim_not_imitated", message)
            .hint(format!("there is #{FIDO2_CONFIGURATION}")));
    }
    let document = Document::new(body, path, &["id", "appliesToCombinations", "allowedAAGUIDs"])?;
    // Microsoft's own example of a PATCH has none.
    document.odata_type(FIDO2_CONFIGURATION, new)?;
    if new && document.given("id").is_some() {
        return Err(bad(format!("{path}.id is for the tenant to say")).hint("leave it out"));
    }
    let applies = document.texts("appliesToCombinations", 1)?;
    match applies.as_deref() {
        None if new => {
            return Err(bad(format!("{path} has no appliesToCombinations")).hint("it is [\"fido2\"]"));
        }
        Some([one]) if Mode::of(one.trim()) == Some(Mode::Fido2) => {}
        None => {}
        Some(_) => {
            return Err(bad(format!("{path}.appliesToCombinations is not [\"fido2\"]"))
                .hint("models are there of passkeys only"));
        }
    }
    let Some(texts) = document.texts("allowedAAGUIDs", MOST_AAGUIDS)? else { return Ok(None) };
    let mut aaguids: Vec<Aaguid> = Vec::new();
    for text in texts {
        let aaguid = text.parse().map_err(|error| {
            bad(format!("{path}.allowedAAGUIDs has {}", quoted(text))).hint(format!("{error}"))
        })?;
        if !aaguids.contains(&aaguid) {
            aaguids.push(aaguid);
        }
    }
    if aaguids.is_empty() {
        return Err(
            bad(format!("{path}.allowedAAGUIDs is empty")).hint("delete the configuration to take all")
        );
    }
    Ok(Some(aaguids))
}

/// AAGUIDs in JSON, as texts.
mod aaguids {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use wire::aaguid::Aaguid;

    pub(super) fn serialize<S: Serializer>(aaguids: &[Aaguid], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(aaguids.iter().map(Aaguid::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Aaguid>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
    }
}
