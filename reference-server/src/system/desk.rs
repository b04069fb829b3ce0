//! The task that tells and answers, one after the other.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at, sleep_until},
};

use super::{
    Inbox, events,
    herald::{Request, Work},
    requests::{self, Answer},
    voice::{ServerInfo, Voice, json},
};
use crate::{
    monitoring::Cpu,
    server::{Overview, Shared},
};

/// The first word of what the server does comes soon, later ones ever more seldom (SYS-004).
const HEARTBEAT_MIN: Duration = Duration::from_millis(250);
const HEARTBEAT_MAX: Duration = Duration::from_secs(10);
/// So often the connections of accounts are told without a change (SYS-009).
const ACCOUNTS_INTERVAL: Duration = Duration::from_secs(30);

/// What it takes to answer.
pub(super) struct Desk {
    pub(super) shared: Arc<Shared>,
    pub(super) voice: Arc<Voice>,
    cpu: Cpu,
}

/// What there is to do.
enum Task {
    Work(Work),
    Heartbeat,
    Accounts,
}

/// Tells and answers until the server is gone.
pub(crate) async fn serve(inbox: Inbox, shared: Arc<Shared>) {
    let Some((voice, mut work)) = inbox.0 else { return };
    let desk = Arc::new(Desk { shared, voice, cpu: Cpu::new() });
    let mut pause = HEARTBEAT_MIN;
    let mut heartbeat = Instant::now() + pause;
    let mut accounts = interval_at(Instant::now() + ACCOUNTS_INTERVAL, ACCOUNTS_INTERVAL);
    while let Some(task) = next(&mut work, heartbeat, &mut accounts).await {
        if matches!(task, Task::Heartbeat) {
            pause = if pause == HEARTBEAT_MIN { Duration::from_secs(1) } else { pause * 2 };
            pause = pause.min(HEARTBEAT_MAX);
            heartbeat = Instant::now() + pause;
            if !desk.voice.is_heard() {
                continue;
            }
        }
        let desk = desk.clone();
        // On a thread of its own: a page of a million subscriptions takes its time.
        let done = tokio::task::spawn_blocking(move || desk.handle(task)).await;
        if let Err(error) = done {
            log::error!("a request of the system account could not be handled: {error}");
        }
    }
}

async fn next(
    work: &mut mpsc::Receiver<Work>,
    heartbeat: Instant,
    accounts: &mut tokio::time::Interval,
) -> Option<Task> {
    tokio::select! {
        work = work.recv() => work.map(Task::Work),
        () = sleep_until(heartbeat) => Some(Task::Heartbeat),
        _ = accounts.tick() => Some(Task::Accounts),
    }
}

impl Desk {
    pub(super) fn overview(&self) -> Overview<'_> {
        Overview::new(&self.shared)
    }

    pub(super) fn cpu_percent(&self) -> f64 {
        self.cpu.percent()
    }

    fn handle(&self, task: Task) {
        let server = &self.overview();
        match task {
            Task::Work(Work::Connected(record)) => events::connected(&self.voice, server, &record),
            Task::Work(Work::Gone(record)) => events::gone(&self.voice, server, &record),
            Task::Work(Work::Answer(request)) => self.answer(&request),
            Task::Heartbeat => events::heartbeat(&self.voice, server, self.cpu_percent()),
            Task::Accounts => events::accounts(&self.voice, server),
        }
    }

    fn answer(&self, request: &Request) {
        let (Some(answer), Some(reply)) = (requests::answer(self, request), &request.reply) else {
            return;
        };
        // The empty reply subject of nats-server's answers in the system account (SYS-005).
        let is_user_info = *request.subject == *b"$SYS.REQ.USER.INFO";
        let bare = self.voice.is_in(&request.account) && !is_user_info;
        let answers_to = bare.then_some(&b""[..]);
        self.voice.publish(&request.account, reply, answers_to, &self.write(answer));
    }

    fn write(&self, answer: Answer) -> Vec<u8> {
        match answer {
            Answer::Bare(body) => body,
            Answer::Named(name, body) => self.with_server(name, &body),
            Answer::Done => json(&Outcome { server: self.voice.server_info(), error: None }),
            Answer::Unreadable(words) => self.refusal(400, words),
            Answer::Refused(words) => self.refusal(500, words),
            Answer::Failed(words) => json(&NoData {
                server: self.voice.server_info(),
                data: None,
                error: Refusal { code: 500, description: words },
            }),
        }
    }

    /// Both are JSON already.
    fn with_server(&self, name: &str, body: &[u8]) -> Vec<u8> {
        let mut text = b"{\"server\":".to_vec();
        text.extend(json(&self.voice.server_info()));
        text.extend(format!(",\"{name}\":").into_bytes());
        text.extend(body);
        text.push(b'}');
        text
    }

    fn refusal(&self, code: u16, description: String) -> Vec<u8> {
        let error = Some(Refusal { code, description });
        json(&Outcome { server: self.voice.server_info(), error })
    }
}

#[derive(Serialize)]
struct Outcome<'a> {
    server: ServerInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal>,
}

#[derive(Serialize)]
struct NoData<'a> {
    server: ServerInfo<'a>,
    /// `null`.
    data: Option<()>,
    error: Refusal,
}

#[derive(Serialize)]
struct Refusal {
    code: u16,
    description: String,
}
