//! What accounts let each other have: plain data, and whether it can be meant (ACC-003 to 012).

mod check;

use std::time::{Duration, SystemTime};

#[cfg(feature = "jwt")]
pub(crate) use self::check::Fault;
pub(crate) use self::check::{Part, faults};
use super::AccountOptions;
use crate::subject::{self, mapping::SubjectMapping};

/// How long an answer is waited for where the export does not say.
const THRESHOLD: Duration = Duration::from_secs(120);

/// Subjects that other accounts may import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// A subject or a pattern.
    pub subject: String,
    /// Which way messages go.
    pub kind: ExportKind,
    /// Who may import it; empty is everybody (ACC-006).
    pub accounts: Vec<String>,
    /// Which token of an imported subject must be the name of the importing account, counted from
    /// 1; 0 is none.
    pub account_token_position: usize,
    /// How long answers take is told to the exporter (ACC-020). Only of services with one answer.
    pub latency: Option<Latency>,
}

/// Where it is told how long answers take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// Of how many requests, in percent, chosen by chance. Of the others, of those that ask for it
    /// by a header of a tracing system: `Uber-Trace-Id`, `X-B3-…`, `B3` or `traceparent`.
    pub percent: u8,
    /// To which subject, in the exporter's account.
    pub subject: String,
}

/// Which way the messages of an export go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// From the exporter to all who import.
    Stream,
    /// Requests to the exporter, and answers back.
    Service {
        /// How many answers a request has (ACC-009).
        responses: ResponseType,
        /// How long the first answer, or the next one, is waited for. Default 2 min.
        threshold: Duration,
    },
}

/// How many answers a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseType {
    /// One.
    #[default]
    Singleton,
    /// Any number; an empty message is the last one.
    Stream,
    /// One in several messages, the last one empty.
    Chunked,
}

/// Subjects of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The account that exports them.
    pub account: String,
    /// A subject or a pattern, as it is there.
    pub subject: String,
    /// What it is called here.
    pub local: Local,
    /// Which way messages go.
    pub kind: ImportKind,
    /// When it ends. In operator mode a token says so, by which the exporter allows the import.
    pub until: Option<SystemTime>,
}

/// What an imported subject is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// The same as there.
    Same,
    /// This; `$1` stands for the first wildcard's token (ACC-005, ACC-008).
    To(String),
    /// The same behind this prefix (ACC-004). Only of streams.
    Prefix(String),
}

/// Which way the messages of an import go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// From the exporter.
    Stream,
    /// Requests to the exporter.
    Service {
        /// The exporter is told who asks (ACC-010).
        share: bool,
    },
}

impl Export {
    /// Messages that others may subscribe to.
    pub fn stream(subject: impl Into<String>) -> Export {
        Export::new(subject.into(), ExportKind::Stream)
    }

    /// Requests that others may send, with one answer each.
    pub fn service(subject: impl Into<String>) -> Export {
        let (responses, threshold) = (ResponseType::default(), THRESHOLD);
        Export::new(subject.into(), ExportKind::Service { responses, threshold })
    }

    fn new(subject: String, kind: ExportKind) -> Export {
        Export { subject, kind, accounts: Vec::new(), account_token_position: 0, latency: None }
    }

    /// Sets how many answers a request has, and how long each is waited for.
    pub fn answered(mut self, responses: ResponseType, threshold: Duration) -> Export {
        self.kind = ExportKind::Service { responses, threshold };
        self
    }

    /// Has it told to this subject how long answers take, of so many requests in a hundred, and of
    /// those that [ask for it](Latency::percent).
    pub fn timed(mut self, percent: u8, subject: impl Into<String>) -> Export {
        self.latency = Some(Latency { percent, subject: subject.into() });
        self
    }

    /// Allows it to this account, and no longer to everybody.
    pub fn only_for(mut self, account: impl Into<String>) -> Export {
        self.accounts.push(account.into());
        self
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.kind == ExportKind::Stream
    }
}

impl Import {
    /// Messages of another account.
    pub fn stream(account: impl Into<String>, subject: impl Into<String>) -> Import {
        Import::new(account.into(), subject.into(), ImportKind::Stream)
    }

    /// Requests to another account.
    pub fn service(account: impl Into<String>, subject: impl Into<String>) -> Import {
        Import::new(account.into(), subject.into(), ImportKind::Service { share: false })
    }

    fn new(account: String, subject: String, kind: ImportKind) -> Import {
        Import { account, subject, local: Local::Same, kind, until: None }
    }

    /// Calls it otherwise here; `$1` stands for the first wildcard's token.
    pub fn to(mut self, local: impl Into<String>) -> Import {
        self.local = Local::To(local.into());
        self
    }

    /// Puts a prefix before it.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Import {
        self.local = Local::Prefix(prefix.into());
        self
    }

    /// Tells the exporter who asks.
    pub fn share(mut self) -> Import {
        self.kind = ImportKind::Service { share: true };
        self
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.kind == ImportKind::Stream
    }

    /// The number of the export that speaks of it, and whether that is the same subject.
    pub(crate) fn governed_by(&self, exports: &[Export]) -> Option<(usize, bool)> {
        let alike = |export: &Export| export.is_stream() == self.is_stream();
        let same = |export: &Export| alike(export) && export.subject == self.subject;
        let covers = |export: &Export| {
            let (pattern, subject) = (export.subject.as_bytes(), self.subject.as_bytes());
            alike(export) && subject::matches(pattern, subject)
        };
        let found = exports.iter().position(same).map(|nth| (nth, true));
        found.or_else(|| exports.iter().position(covers).map(|nth| (nth, false)))
    }

    /// What it is called here, with `$1`.
    pub(crate) fn local_subject(&self) -> String {
        match &self.local {
            Local::Same => self.subject.clone(),
            Local::To(local) => local.clone(),
            Local::Prefix(prefix) => format!("{}.{}", prefix.trim_end_matches('.'), self.subject),
        }
    }
}

impl AccountOptions {
    /// Lets others import something.
    pub fn export(mut self, export: Export) -> AccountOptions {
        self.exports.push(export);
        self
    }

    /// Imports something that another account exports.
    ///
    /// ```
    /// use nats_reference_server::{AccountOptions, Auth, Config, Export, Import, User};
    /// let shop = AccountOptions::new("shop")
    ///     .user(User::with_password("ann", "a"))
    ///     .export(Export::stream("orders.>"))
    ///     .export(Export::service("price").only_for("office"));
    /// let office = AccountOptions::new("office")
    ///     .user(User::with_password("bob", "b"))
    ///     .import(Import::stream("shop", "orders.>").prefix("shop"))
    ///     .import(Import::service("shop", "price").to("shop.price"))
    ///     .map("shop.cost", "shop.price");
    /// let auth = Auth { accounts: vec![shop, office], ..Auth::default() };
    /// let config = Config { auth, ..Config::default() };
    /// let server = nats_reference_server::Server::builder().config(config).start_blocking()?;
    /// # drop(server);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import(mut self, import: Import) -> AccountOptions {
        self.imports.push(import);
        self
    }

    /// Sends what is published to one subject to another one instead (ACC-017).
    pub fn map(
        mut self,
        source: impl Into<String>,
        destination: impl Into<String>,
    ) -> AccountOptions {
        self.mappings.push(SubjectMapping::new(source, destination));
        self
    }

    /// The export that allows this import to an account, if one does.
    pub(crate) fn export_for(&self, import: &Import, importer: &str) -> Option<&Export> {
        let (nth, same) = import.governed_by(&self.exports)?;
        let export = self.exports.get(nth)?;
        let allowed = match export.account_token_position {
            0 => export.accounts.is_empty() || export.accounts.iter().any(|it| it == importer),
            // Who imports the pattern itself names nobody.
            _ if same => false,
            nth => import.subject.split('.').nth(nth - 1) == Some(importer),
        };
        allowed.then_some(export)
    }
}
