//! async-nats, one function a feature; `ci/clients/README.md` says how it is talked to.

mod features;

use std::{env, fmt::Debug, future::Future, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use async_nats::{Client, ConnectError, ConnectOptions, Event, Message, Subscriber};
use futures_util::StreamExt;
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let name = env::args().nth(1).unwrap_or_default();
    match features::run(&name).await {
        Some(Ok(())) => println!("PASS"),
        Some(Err(error)) => println!("FAIL {}", format!("{error:#}").replace('\n', " ")),
        None => println!("SKIP {}", features::missing(&name)),
    }
}

/// A variable of the environment.
fn var(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn same<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Result<()> {
    ensure!(got == expected, "{what}: expected {expected:.200?}, got {got:.200?}");
    Ok(())
}

fn ready() {
    println!("READY");
}

async fn within<T>(future: impl Future<Output = T>, what: &str) -> Result<T> {
    let late = || format!("{what} did not come within {PATIENCE:?}");
    timeout(PATIENCE, future).await.with_context(late)
}

/// What the environment says of who we are.
async fn credentials() -> Result<ConnectOptions> {
    let mut options = ConnectOptions::new();
    if let Some(user) = var("NATS_USER") {
        options = options.user_and_password(user, var("NATS_PASSWORD").unwrap_or_default());
    }
    if let Some(token) = var("NATS_TOKEN") {
        options = options.token(token);
    }
    if let Some(seed) = var("NATS_SEED") {
        options = options.nkey(seed);
    }
    if let Some(file) = var("NATS_CREDS") {
        options = options.credentials_file(file).await?;
    }
    if let (Some(cert), Some(key)) = (var("NATS_CERT"), var("NATS_KEY")) {
        options = options.add_client_certificate(cert.into(), key.into());
    }
    Ok(with_authority(options))
}

/// The options, with the authority that the environment names.
fn with_authority(options: ConnectOptions) -> ConnectOptions {
    match var("NATS_CA") {
        Some(file) => options.add_root_certificates(file.into()).require_tls(true),
        None => options,
    }
}

/// The second user's credentials.
fn bob() -> ConnectOptions {
    let password = var("NATS_PASSWORD").unwrap_or_default();
    ConnectOptions::new().user_and_password(var("NATS_USER2").unwrap_or_default(), password)
}

async fn connect(options: ConnectOptions) -> Result<Client, ConnectError> {
    options.connection_timeout(PATIENCE).connect(var("NATS_URL").unwrap_or_default()).await
}

async fn login() -> Result<Client> {
    Ok(connect(credentials().await?).await?)
}

/// Options that hand out the connection's events.
fn with_events(options: ConnectOptions) -> (ConnectOptions, mpsc::UnboundedReceiver<Event>) {
    let (sender, events) = mpsc::unbounded_channel();
    let options = options.reconnect_delay_callback(|_| Duration::from_millis(100)).event_callback(
        move |event| {
            let sender = sender.clone();
            async move {
                sender.send(event).ok();
            }
        },
    );
    (options, events)
}

/// The first event for which `matches` is true.
async fn event(
    events: &mut mpsc::UnboundedReceiver<Event>,
    what: &str,
    matches: impl Fn(&Event) -> bool,
) -> Result<Event> {
    let search = async {
        while let Some(event) = events.recv().await {
            if matches(&event) {
                return Ok(event);
            }
        }
        bail!("the connection ended before {what}");
    };
    within(search, what).await?
}

async fn refused(what: &str, options: ConnectOptions) -> Result<()> {
    ensure!(connect(options).await.is_err(), "a connection {what} was not refused");
    Ok(())
}

async fn next(messages: &mut Subscriber) -> Result<Message> {
    within(messages.next(), "a message").await?.context("the subscription ended")
}

/// A message to ourselves; what we sent before has been served by then.
async fn round_trip(client: &Client) -> Result<()> {
    let mut messages = client.subscribe("allowed.trip").await?;
    client.publish("allowed.trip", "there and back".into()).await?;
    same("payload", &next(&mut messages).await?.payload[..], b"there and back")?;
    Ok(messages.unsubscribe().await?)
}
