//! What is seen of the server outside of its conversations.

use std::{fs, process::Stdio, time::Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use super::{Failure, Result, Story, control::GLANCE};
use crate::{
    page,
    pattern::{Bound, Pattern},
    scenario::{Page, Part, Run, Template, Upgrade},
    transcript::EventKind,
    websocket::Request,
};

impl Story<'_> {
    pub(super) async fn upgrade(&mut self, upgrade: &Upgrade) -> Result<()> {
        let path = match &upgrade.path {
            Some(path) => self.text(path)?,
            None => "/".to_owned(),
        };
        let headers = upgrade.headers.as_ref().map(|headers| self.text(headers)).transpose()?;
        let headers = headers.unwrap_or_default();
        let pairs = headers.lines().filter_map(|line| line.split_once(':'));
        let headers: Vec<(String, String)> =
            pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        for peer in &upgrade.peers {
            let id = self.peer(&peer.value)?;
            self.take_arrivals();
            let request = Request { path: path.clone(), headers: headers.clone() };
            let asked = self.connections[id].upgrade(request).await;
            let answer = asked.map_err(|why| {
                self.failure(format!("{} could not change to a WebSocket: {why}", peer.value))
            })?;
            let status = upgrade.refused.unwrap_or(101);
            if answer.status != status {
                let message = format!("{} is not answered as it should be", peer.value);
                let (expected, got) = (status.to_string(), answer.status.to_string());
                let failure = self.failure(message);
                return Err(Failure { expected: Some(expected), got: Some(got), ..failure });
            }
            if let Some(name) = &upgrade.answer {
                self.scope.bind(&name.value, Bound::Json(answer.told()));
            }
        }
        Ok(())
    }

    /// The code of the last frame of a WebSocket that has ended.
    pub(super) fn closed_with(&self, id: usize, code: Option<u16>) -> Result<()> {
        let came = self.connections[id].close_code();
        match code {
            Some(code) if came != Some(code) => {
                let message = "the WebSocket ended otherwise".to_owned();
                let got = came.map_or("no close frame".to_owned(), |came| came.to_string());
                let expected = Some(code.to_string());
                Err(Failure { expected, got: Some(got), ..self.failure(message) })
            }
            _ => Ok(()),
        }
    }

    /// Asks again until what is said of the page holds: a page has no fence.
    pub(super) async fn page(&mut self, page: &Page) -> Result<()> {
        let span = self.span.clone();
        let addr = self.address(Some(&page.port))?;
        let path = self.text(&page.path)?;
        let until = self.deadline();
        let mut last = None;
        loop {
            let tls = if page.tls { Some(self.trusting()?) } else { None };
            self.span = span.clone();
            let asked = timeout(until - Instant::now(), page::get(addr, &path, tls)).await;
            let result = match asked {
                Ok(Ok(answer)) => {
                    let what = format!("is asked for {path}: {}", answer["status"]);
                    self.transcript.note("server", EventKind::Note, what);
                    self.scope.bind(&page.name.value, Bound::Json(answer));
                    self.block(&page.body).await
                }
                Ok(Err(why)) => Err(self.failure(format!("{path} could not be had: {why}"))),
                // What was wrong with the page before tells more than that there was no other one.
                Err(_) => Err(last
                    .take()
                    .unwrap_or_else(|| self.failure(format!("{path} did not come in time")))),
            };
            match result {
                Err(failure) if !failure.is_error && Instant::now() < until => {
                    last = Some(failure);
                    sleep(GLANCE).await;
                }
                result => return result,
            }
        }
    }

    /// Runs the program to its end in a folder of its own.
    pub(super) async fn run(&mut self, run: &Run) -> Result<()> {
        let lacking = || self.error("this target is no program that could be run".to_owned());
        let program = self.stage.program().ok_or_else(lacking)?;
        let program = program.canonicalize().map_err(|error| self.error(error.to_string()))?;
        let folder = TempDir::with_prefix("nats-conformance-");
        let folder = folder.map_err(|error| self.error(error.to_string()))?;
        if let Some(config) = &run.config {
            let file = folder.path().join("run.conf");
            let text = self.configuration(config)?;
            fs::write(&file, text).map_err(|error| self.error(error.to_string()))?;
            self.scope.bind("config", Bound::Bytes(file.display().to_string().into_bytes()));
        }
        let arguments = self.text(&run.arguments)?;
        self.transcript.note("server", EventKind::Note, format!("is run with {arguments}"));
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).current_dir(folder.path());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = match timeout(self.deadline() - Instant::now(), command.output()).await {
            Ok(output) => output.map_err(|error| self.error(error.to_string()))?,
            Err(_) => {
                let expected = Some("a run that ends".to_owned());
                let failure = self.failure("the program goes on".to_owned());
                return Err(Failure { expected, ..failure });
            }
        };
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
        let said = json!({
            "code": output.status.code(), "out": text(&output.stdout), "err": text(&output.stderr),
        });
        self.scope.bind(&run.name.value, Bound::Json(said));
        Ok(())
    }

    /// Waits for a line of the log that holds these words.
    pub(super) async fn logs(&mut self, words: &Template) -> Result<()> {
        let pattern = self.within_line(words)?;
        let until = self.deadline();
        loop {
            if self.log()?.lines().any(|line| pattern.matches(line.as_bytes(), &mut self.scope)) {
                return Ok(());
            }
            if Instant::now() >= until {
                let message = "no line of the log is so".to_owned();
                let (expected, got) = (Some(pattern.text().to_owned()), self.stage.log());
                return Err(Failure { expected, got, ..self.failure(message) });
            }
            sleep(GLANCE).await;
        }
    }

    /// No line that has been written so far holds these words.
    pub(super) fn has_not_logged(&mut self, words: &Template) -> Result<()> {
        let pattern = self.within_line(words)?;
        let log = self.log()?;
        let found = log.lines().find(|line| pattern.matches(line.as_bytes(), &mut self.scope));
        let Some(line) = found else { return Ok(()) };
        let failure = self.failure("a line of the log is so".to_owned());
        let expected = Some(format!("no {}", pattern.text()));
        Err(Failure { expected, got: Some(line.to_owned()), ..failure })
    }

    fn log(&self) -> Result<String> {
        let lacking = || self.error("this target has no log".to_owned());
        self.stage.whole_log().ok_or_else(lacking)
    }

    /// These words, and anything before and behind them.
    fn within_line(&mut self, words: &Template) -> Result<Pattern> {
        let mut parts = vec![Part::AnyBytes];
        parts.extend(words.parts.iter().cloned());
        parts.push(Part::AnyBytes);
        let template = Template { parts, span: words.span.clone() };
        self.known(|scope| Pattern::new(&template, scope))
    }

    /// When what is waited for must be there.
    fn deadline(&self) -> Instant {
        self.until.unwrap_or_else(|| Instant::now() + self.settings.timeout)
    }

    pub(super) fn text(&mut self, template: &Template) -> Result<String> {
        let bytes = self.known(|scope| scope.writes(template))?.concat();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
