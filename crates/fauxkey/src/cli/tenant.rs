//! `fauxkey tenant`.
use clap::{Args, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const EXAMPLE: &str = "\
An Entra-like tenant, offline. It is a rehearsal and no Microsoft service. Every verb speaks Microsoft Graph to it, to the
one that runs or else to the one of this home; --verbose shows the requests.

Example:
  fauxkey tenant policy set --allow ios,android --self-service on
  fauxkey tenant user add adele@contoso.test
  fauxkey tenant tap create adele@contoso.test
  fauxkey tenant report --filter \"methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')\"";

/// What to do with the tenant.
#[derive(Subcommand)]
pub enum TenantVerb {
    /// Serve the tenant and its pages until stopped
    #[command(after_help = "Example:\n  fauxkey tenant serve --behaviour 2024-preview")]
    Serve(Serve),
    /// What there is: behaviour, policy, users, strengths
    #[command(after_help = "Example:\n  fauxkey tenant show")]
    Show,
    /// Policies of authentication methods: show, set, reset
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant policy show"
    )]
    Policy(PolicyVerb),
    /// Users: add, list, show, delete
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant user list"
    )]
    User(UserVerb),
    /// Groups: add, list, member, delete
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant group list"
    )]
    Group(GroupVerb),
    /// Temporary Access Passes: create, show, delete
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant tap create adele@contoso.test"
    )]
    Tap(TapVerb),
    /// A user's authentication methods: list, delete
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant method list adele@contoso.test"
    )]
    Method(MethodVerb),
    /// Authentication strengths: list, show, add, delete
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant strength list"
    )]
    Strength(StrengthVerb),
    /// Conditional access policies: list, add, delete
    #[command(
        subcommand,
        arg_required_else_help = false,
        after_help = "Example:\n  fauxkey tenant access list"
    )]
    Access(AccessVerb),
    /// Whether a passkey would be let through, and which clause would refuse it
    #[command(
        after_help = "Example:\n  fauxkey tenant check adele@contoso.test --aaguid ios --purpose registration"
    )]
    Check(Check),
    /// The sign-in log, or the audit log
    #[command(
        after_help = "Example:\n  fauxkey tenant log --filter \"status/errorCode ne 0\"\n  fauxkey tenant log --audit --csv > audit.csv"
    )]
    Log(Log),
    /// Who has registered what, and how many
    #[command(after_help = "Example:\n  fauxkey tenant report --kind methods")]
    Report(Report),
    /// Ask the tenant anything in Graph's words
    #[command(
        after_help = "Example:\n  fauxkey tenant graph GET \"/v1.0/users?$top=3\"\n  fauxkey tenant graph PATCH \\\n    /v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/fido2 policy.json"
    )]
    Graph(Graph),
    /// Move the clock of the running tenant on, for tests of what expires
    #[command(after_help = "Example:\n  fauxkey tenant clock 10m")]
    Clock {
        /// By how much, such as 10m
        #[arg(value_parser = super::duration)]
        by: Duration,
    },
}

/// What kind of tenant it is; what is not said stays as it was.
#[derive(Args, Clone, Debug, Default)]
pub struct Kind {
    /// Whose behaviour it has, where Entra's changed [default: current, or as it was]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub behaviour: Option<Behaviour>,
    /// What it makes of signature counters [default: ignore in 2024-preview, entra-2026 in current]
    #[arg(long, value_name = "MODE", value_enum, hide_short_help = true)]
    pub counter: Option<Counter>,
    /// What a challenge is good for: once, or as measured at Entra [default: once]
    #[arg(long, value_name = "MODE", value_enum, hide_short_help = true)]
    pub challenges: Option<Challenges>,
    /// How long a change of the passkey policy takes to reach sign-ins, such as 6m [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = super::duration, hide_short_help = true)]
    pub propagation_delay: Option<Duration>,
    /// Certificates up to which attestation must lead: a PEM or DER file, or a folder of them; `test-ca` is that of this home
    #[arg(long, value_name = "FILE|DIR", hide_short_help = true)]
    pub trust: Vec<PathBuf>,
    /// What logs call a method: device-bound=TEXT, synced=TEXT, or AAGUID=TEXT for the detail of a model
    #[arg(long, value_name = "WHAT=TEXT", value_parser = label, hide_short_help = true)]
    pub label: Vec<(String, String)>,
    /// Names of models: a decoded metadata BLOB of FIDO, or the community's list of AAGUIDs
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub names: Vec<PathBuf>,
}

/// A label and what it is of.
fn label(text: &str) -> Result<(String, String), String> {
    let (what, label) = text.split_once('=').ok_or("expected WHAT=TEXT")?;
    let known = ["device-bound", "synced"].contains(&what) || what.parse::<wire::aaguid::Aaguid>().is_ok();
    if !known {
        return Err(format!("there is no label for {what:?}; there are device-bound, synced and AAGUIDs"));
    }
    Ok((what.to_lowercase(), label.to_owned()))
}

/// Whose behaviour is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Behaviour {
    /// The public preview of April 2024
    #[value(name = "2024-preview")]
    Preview2024,
    /// As documented in 2026
    Current,
}

/// What is made of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Counter {
    /// Never looked at
    Ignore,
    /// They grow, or stay zero
    W3c,
    /// The same, and a synced passkey's stays zero
    #[value(name = "entra-2026")]
    Entra2026,
}

/// What a challenge is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Challenges {
    /// One sign-in, in its own session
    Once,
    /// Anybody, for ten minutes
    Entra,
}

/// `tenant serve`.
#[derive(Args)]
pub struct Serve {
    /// What kind of tenant
    #[command(flatten)]
    pub kind: Kind,
    /// Address of the tenant; a port of 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keep nothing on disk: a new tenant, gone when this ends
    #[arg(long)]
    pub ephemeral: bool,
    /// Write what is there to FILE, as JSON, once it listens
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when the process that started this one ends
    #[arg(long)]
    pub exit_with_parent: bool,
}

/// Which method's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Passkeys (FIDO2)
    Fido2,
    /// Microsoft Authenticator
    Authenticator,
    /// Temporary Access Pass
    Tap,
}

impl Method {
    /// Its ID in Graph.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fido2 => "fido2",
            Self::Authenticator => "microsoftAuthenticator",
            Self::Tap => "temporaryAccessPass",
        }
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// `tenant policy`.
#[derive(Subcommand)]
pub enum PolicyVerb {
    /// A policy, in Graph's shape with --json
    #[command(after_help = "Example:\n  fauxkey tenant policy show --method authenticator --json")]
    Show {
        /// Whose policy
        #[arg(long, value_enum, default_value_t = Method::Fido2)]
        method: Method,
    },
    /// Change some of a policy: by flags for passkeys, or by the body of a PATCH
    #[command(
        after_help = "Example:\n  fauxkey tenant policy set --allow ios,android\n  fauxkey tenant policy set --method authenticator --file patch.json"
    )]
    Set(PolicySet),
    /// Put a policy back to how it was at the beginning
    #[command(after_help = "Example:\n  fauxkey tenant policy reset")]
    Reset {
        /// Whose policy
        #[arg(long, value_enum, default_value_t = Method::Fido2)]
        method: Method,
    },
}

/// `tenant policy set`.
#[derive(Args)]
pub struct PolicySet {
    /// Whose policy
    #[arg(long, value_enum, default_value_t = Method::Fido2)]
    pub method: Method,
    /// The body of a PATCH, from FILE or standard input (-)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["allow", "block", "attestation", "self_service"])]
    pub file: Option<String>,
    /// Whether the method is there at all
    #[arg(long, value_enum)]
    pub state: Option<Switch>,
    /// Whether users may register passkeys themselves
    #[arg(long, value_enum)]
    pub self_service: Option<Switch>,
    /// Whether passkeys have to prove their model
    #[arg(long, value_enum)]
    pub attestation: Option<Switch>,
    /// Allow these models and no others: ios, android, a profile or an AAGUID; the whole list each time
    #[arg(long, value_name = "MODEL,...", value_delimiter = ',', conflicts_with = "block")]
    pub allow: Vec<String>,
    /// Block these models and no others; the whole list each time
    #[arg(long, value_name = "MODEL,...", value_delimiter = ',')]
    pub block: Vec<String>,
    /// Whether the list of models is looked at
    #[arg(long, value_enum)]
    pub key_restrictions: Option<Switch>,
    /// Who is meant: all, or users and groups
    #[arg(long, value_name = "WHO,...", value_delimiter = ',')]
    pub target: Vec<String>,
    /// What the Authenticator app does beside passkeys, for --method authenticator
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
}

/// `authenticationMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Push notifications and phone sign-in
    Any,
    /// Push notifications
    Push,
    /// Phone sign-in without a password
    Passwordless,
}

/// `tenant user`.
#[derive(Subcommand)]
pub enum UserVerb {
    /// Add a user
    #[command(after_help = "Example:\n  fauxkey tenant user add adele@contoso.test --name \"Adele Example\"")]
    Add {
        /// Such as adele@contoso.test
        user: String,
        /// The person's name
        #[arg(long)]
        name: Option<String>,
        /// Read a password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// An invited user
        #[arg(long)]
        guest: bool,
        /// A user with an administrator's role
        #[arg(long)]
        admin: bool,
    },
    /// All users
    #[command(
        after_help = "Example:\n  fauxkey tenant user list --filter \"startswith(userPrincipalName,'a')\""
    )]
    List {
        /// Graph's $filter
        #[arg(long)]
        filter: Option<String>,
    },
    /// One user, with methods
    #[command(after_help = "Example:\n  fauxkey tenant user show adele@contoso.test")]
    Show {
        /// Name or ID
        user: String,
    },
    /// Delete a user with everything that the user has
    #[command(after_help = "Example:\n  fauxkey tenant user delete adele@contoso.test --yes")]
    Delete {
        /// Name or ID
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// `tenant group`.
#[derive(Subcommand)]
pub enum GroupVerb {
    /// Add a group
    #[command(after_help = "Example:\n  fauxkey tenant group add Pilots")]
    Add {
        /// Its name
        name: String,
    },
    /// All groups
    #[command(after_help = "Example:\n  fauxkey tenant group list")]
    List,
    /// Put a user into a group, or take the user out
    #[command(
        after_help = "Example:\n  fauxkey tenant group member Pilots adele@contoso.test\n  fauxkey tenant group member Pilots adele@contoso.test --remove"
    )]
    Member {
        /// Its name or ID
        group: String,
        /// Name or ID
        user: String,
        /// Take out
        #[arg(long)]
        remove: bool,
    },
    /// Delete a group
    #[command(after_help = "Example:\n  fauxkey tenant group delete Pilots")]
    Delete {
        /// Its name or ID
        group: String,
    },
}

/// `tenant tap`.
#[derive(Subcommand)]
pub enum TapVerb {
    /// Make a pass in the place of the one that there may be; it is shown once
    #[command(after_help = "Example:\n  fauxkey tenant tap create adele@contoso.test --once --minutes 60")]
    Create {
        /// Name or ID
        user: String,
        /// Good for one sign-in
        #[arg(long)]
        once: bool,
        /// How long it is good
        #[arg(long, value_name = "MINUTES")]
        minutes: Option<u32>,
        /// From when on, such as 2026-01-20T22:24:07Z
        #[arg(long, value_name = "TIME")]
        start: Option<String>,
    },
    /// Whether there is one, and whether it can be used
    #[command(after_help = "Example:\n  fauxkey tenant tap show adele@contoso.test")]
    Show {
        /// Name or ID
        user: String,
    },
    /// Delete it
    #[command(after_help = "Example:\n  fauxkey tenant tap delete adele@contoso.test")]
    Delete {
        /// Name or ID
        user: String,
    },
}

/// `tenant method`.
#[derive(Subcommand)]
pub enum MethodVerb {
    /// All of a user's methods
    #[command(after_help = "Example:\n  fauxkey tenant method list adele@contoso.test")]
    List {
        /// Name or ID
        user: String,
    },
    /// Delete one: what a device has of it stays there
    #[command(
        after_help = "Example:\n  fauxkey tenant method delete adele@contoso.test 7ebzDmVTSreLsJkrjm1mNA2"
    )]
    Delete {
        /// Name or ID
        user: String,
        /// The method's ID, or its beginning
        id: String,
    },
}

/// `tenant strength`.
#[derive(Subcommand)]
pub enum StrengthVerb {
    /// All of them
    #[command(after_help = "Example:\n  fauxkey tenant strength list")]
    List,
    /// One, with the names of its models
    #[command(after_help = "Example:\n  fauxkey tenant strength show Passkeys")]
    Show {
        /// Its name or ID
        strength: String,
    },
    /// Make one
    #[command(after_help = "Example:\n  fauxkey tenant strength add Passkeys --aaguid ios,android")]
    Add {
        /// Its name
        name: String,
        /// Combinations of methods, such as fido2
        #[arg(long, value_name = "COMBINATION", default_value = "fido2")]
        combination: Vec<String>,
        /// Models that count: ios, android, a profile or an AAGUID [default: all]
        #[arg(long, value_name = "MODEL,...", value_delimiter = ',')]
        aaguid: Vec<String>,
    },
    /// Delete one
    #[command(after_help = "Example:\n  fauxkey tenant strength delete Passkeys")]
    Delete {
        /// Its name or ID
        strength: String,
    },
}

/// `tenant access`.
#[derive(Subcommand)]
pub enum AccessVerb {
    /// All policies
    #[command(after_help = "Example:\n  fauxkey tenant access list")]
    List,
    /// Make one that asks for a strength
    #[command(after_help = "Example:\n  fauxkey tenant access add \"Require passkeys\" --strength Passkeys")]
    Add {
        /// Its name
        name: String,
        /// The strength that it asks for
        #[arg(long)]
        strength: String,
        /// The application's ID, or All, or register-security-info
        #[arg(long, default_value = "All")]
        app: Vec<String>,
        /// An application's ID that is left out
        #[arg(long)]
        exclude_app: Vec<String>,
        /// Who is meant: all, or users and groups
        #[arg(long, default_value = "all", value_delimiter = ',')]
        target: Vec<String>,
        /// Only report what would have come of it
        #[arg(long)]
        report_only: bool,
    },
    /// Delete one
    #[command(after_help = "Example:\n  fauxkey tenant access delete \"Require passkeys\"")]
    Delete {
        /// Its name or ID
        policy: String,
    },
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// To register it
    Registration,
    /// To sign in with it
    SignIn,
}

/// `tenant check`.
#[derive(Args)]
pub struct Check {
    /// Whose it would be, name or ID
    pub user: String,
    /// The model: ios, android, a profile or an AAGUID
    #[arg(long, value_name = "MODEL")]
    pub aaguid: String,
    /// What for
    #[arg(long, value_enum, default_value_t = Purpose::Registration)]
    pub purpose: Purpose,
    /// A synced passkey
    #[arg(long)]
    pub synced: bool,
    /// With an attestation that leads to a trusted certificate
    #[arg(long)]
    pub attested: bool,
    /// The attestation statement format [default: packed if attested, else none]
    #[arg(long, value_name = "NAME")]
    pub fmt: Option<String>,
}

/// `tenant log`.
#[derive(Args)]
pub struct Log {
    /// The audit log
    #[arg(long)]
    pub audit: bool,
    /// Graph's $filter
    #[arg(long)]
    pub filter: Option<String>,
    /// How many, newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub top: u32,
    /// As comma-separated values
    #[arg(long)]
    pub csv: bool,
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportKind {
    /// User by user
    Users,
    /// How many have which method
    Methods,
    /// How many are capable of what
    Features,
    /// How often which method signed in
    SignIns,
}

/// `tenant report`.
#[derive(Args)]
pub struct Report {
    /// What is reported
    #[arg(long, value_enum, default_value_t = ReportKind::Users)]
    pub kind: ReportKind,
    /// Graph's $filter, for users
    #[arg(long)]
    pub filter: Option<String>,
    /// As comma-separated values, for users
    #[arg(long)]
    pub csv: bool,
}

/// `tenant graph`.
#[derive(Args)]
pub struct Graph {
    /// Such as GET
    pub method: String,
    /// Such as /v1.0/users
    pub path: String,
    /// The body, from FILE or standard input (-)
    pub body: Option<String>,
}
