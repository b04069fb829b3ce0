//! `article`: the experiments of the article that this project began with, as tables: who
//! subscribed to what, what was published, who received it. Made from what went over the wire.

use std::{collections::BTreeMap, sync::Arc};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use nats_conformance::{
    corpus::Corpus,
    report::terminal,
    run::{Outcome, Verdict, select},
    transcript::{Event, EventKind},
};

use super::{
    FINDINGS, HELD, Stop,
    run::{collect, runtime},
    targets::{TargetArgs, prepare_single},
};

/// More deliveries than this are shown as counts.
const ROWS_MAX: usize = 24;
/// The longest bar of a count.
const BAR_CELLS: usize = 30;

#[derive(Debug, Args)]
pub(super) struct ArticleArgs {
    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn article(corpus: &Corpus, args: ArticleArgs) -> Result<u8, Stop> {
    let (chosen, useless) = select(&corpus.scenarios, &["tag:article".to_owned()]);
    if !useless.is_empty() {
        return Err(Stop::usage("these scenarios hold none with the tag `article`"));
    }
    let runtime = runtime()?;
    let prepared =
        runtime.block_on(prepare_single(&args.target, u64::from(rand::random::<u32>())))?;
    let (server, again) = (prepared.server(), prepared.again);
    let plan = Arc::new(prepared.plan);
    let outcomes = runtime.block_on(collect(plan.clone(), chosen, |_| None))?;
    anstream::println!("The article's experiments on {server}\n");
    let mut held = true;
    for outcome in &outcomes {
        show(outcome);
        if outcome.verdict != Verdict::Pass {
            held = false;

            let seed = plan.settings.seed;
            anstream::println!("{}", terminal::failure(outcome, &server, seed, &again, false));
        }
    }
    Ok(if held { HELD } else { FINDINGS })
}

fn show(outcome: &Outcome) {
    let style = terminal::style(outcome.verdict);
    let (word, title) = (outcome.verdict.word(), &outcome.case.scenario.header.title.value);
    let dialogue = Dialogue::read(&outcome.events);
    anstream::println!("{style}{word}{style:#}  {title}");
    anstream::println!("{}", dialogue.subscribers());
    let table = match dialogue.published.len() > ROWS_MAX {
        true => dialogue.counts(),
        false => dialogue.deliveries(),
    };
    anstream::println!("{table}\n");
}

/// What was subscribed to, published and received, in the order of the wire.
#[derive(Default)]
struct Dialogue {
    subscriptions: Vec<(String, String)>,
    published: Vec<Published>,
    received: BTreeMap<String, usize>,
}

struct Published {
    by: String,
    subject: String,
    payload: String,
    receivers: Vec<String>,
}

impl Dialogue {
    fn read(events: &[Event]) -> Dialogue {
        let mut dialogue = Dialogue::default();
        let mut pending: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        for event in events {
            let lines: Vec<&str> = event.text.split("\\r\\n").collect();
            let words: Vec<&str> = lines[0].split_whitespace().collect();
            match (event.kind, &words[..]) {
                (EventKind::Sent, ["SUB", subject, .., _]) => {
                    let queue = if words.len() == 4 {
                        format!(" in queue {}", words[2])
                    } else {
                        String::new()
                    };
                    dialogue.subscriptions.push((event.peer.clone(), format!("{subject}{queue}")));
                }
                (EventKind::Sent, ["PUB", subject, ..]) => {
                    dialogue.publish(&event.peer, subject, lines.get(1).copied());
                    if lines.len() < 3 {
                        pending.insert(
                            &event.peer,
                            ((*subject).to_owned(), dialogue.published.len() - 1),
                        );
                    }
                }
                (EventKind::Sent, _) => {
                    if let Some((_, at)) = pending.remove(event.peer.as_str()) {
                        dialogue.published[at].payload = lines[0].to_owned();
                    }
                }
                (EventKind::Came, ["MSG", subject, ..]) => {
                    *dialogue.received.entry(event.peer.clone()).or_default() += 1;
                    let payload = lines.get(1).copied().unwrap_or_default();
                    dialogue.deliver(&event.peer, subject, payload);
                }
                _ => {}
            }
        }
        dialogue
    }

    fn publish(&mut self, by: &str, subject: &str, payload: Option<&str>) {
        let payload = payload.unwrap_or_default().to_owned();
        let (by, subject) = (by.to_owned(), subject.to_owned());
        self.published.push(Published { by, subject, payload, receivers: Vec::new() });
    }

    /// Credits the delivery to the first such message that this receiver has not had.
    fn deliver(&mut self, to: &str, subject: &str, payload: &str) {
        let same = |message: &&mut Published| {
            message.subject == subject
                && message.payload == payload
                && !message.receivers.iter().any(|other| other == to)
        };
        if let Some(message) = self.published.iter_mut().find(same) {
            message.receivers.push(to.to_owned());
        }
    }

    fn subscribers(&self) -> Table {
        let mut table = table(["subscriber", "listens to"]);
        for (peer, subject) in &self.subscriptions {
            table.add_row([peer, subject]);
        }
        table
    }

    fn deliveries(&self) -> Table {
        let mut table = table(["publisher", "publishes to", "says", "received by"]);
        for message in &self.published {
            let receivers = match message.receivers.is_empty() {
                true => "nobody".to_owned(),
                false => self.in_order(&message.receivers).join(", "),
            };
            let payload = if message.payload.is_empty() { "(empty)" } else { &message.payload };
            table.add_row([&message.by, &message.subject, payload, &receivers]);
        }
        table
    }

    /// The receivers in the order of their subscriptions.
    fn in_order<'a>(&self, receivers: &'a [String]) -> Vec<&'a str> {
        let mut ordered: Vec<&str> = receivers.iter().map(String::as_str).collect();
        ordered.sort_by_key(|name| self.subscriptions.iter().position(|(peer, _)| peer == name));
        ordered
    }

    fn counts(&self) -> Table {
        let sent = format!("received of {}", self.published.len());
        let mut table = table(["subscriber", &sent, ""]);
        let most = self.received.values().max().copied().unwrap_or(1).max(1);
        for (peer, count) in &self.received {
            let bar = "█".repeat(count * BAR_CELLS / most);
            table.add_row([peer, &count.to_string(), &bar]);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}
