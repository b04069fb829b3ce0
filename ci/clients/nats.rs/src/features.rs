use std::{future::Future, pin::Pin};

use anyhow::{Context, Result, bail, ensure};
use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, PublishErrorKind, RequestErrorKind,
    ServerError,
};
use futures_util::{StreamExt, future::try_join_all};

use crate::{
    bob, connect, credentials, event, login, next, ready, refused, round_trip, same,
    with_authority, with_events, within,
};

/// Runs a feature, if this program has it.
pub(crate) async fn run(name: &str) -> Option<Result<()>> {
    let feature: Pin<Box<dyn Future<Output = Result<()>>>> = match name {
        "connect" | "websocket" | "websocket-tls" => Box::pin(plain()),
        "token" | "user-password" | "bcrypt" | "nkey" | "creds" => Box::pin(guarded()),
        "wrong-password" => Box::pin(wrong_password()),
        "no-auth-user" => Box::pin(no_auth_user()),
        "permissions" => Box::pin(permissions()),
        "user-info" => Box::pin(user_info()),
        "import-export" => Box::pin(import_export()),
        "tls" => Box::pin(tls()),
        "tls-client-certificate" => Box::pin(tls_client_certificate()),
        "tls-first" => Box::pin(tls_first()),
        "publish-subscribe" => Box::pin(publish_subscribe()),
        "wildcards" => Box::pin(wildcards()),
        "queue" => Box::pin(queue()),
        "headers" => Box::pin(headers()),
        "request" => Box::pin(request()),
        "many-requests" => Box::pin(many_requests()),
        "no-responders" => Box::pin(no_responders()),
        "unsubscribe-max" => Box::pin(unsubscribe_max()),
        "drain" => Box::pin(drain()),
        "max-payload" => Box::pin(max_payload()),
        "slow-consumer" => Box::pin(slow_consumer()),
        "slow-reader" => Box::pin(outlive("flood")),
        "reconnect" => Box::pin(outlive("lasting")),
        "lame-duck" => Box::pin(lame_duck()),
        "reload" => Box::pin(reload()),
        _ => return None,
    };
    Some(feature.await)
}

/// Why a feature is not here.
pub(crate) fn missing(name: &str) -> String {
    match name {
        "rtt" => "flush() only empties the client's buffer; no call waits for PONG".to_owned(),
        _ => format!("this program has no '{name}'"),
    }
}

async fn plain() -> Result<()> {
    let client = login().await?;
    same("max_payload in INFO", client.server_info().max_payload, 1_048_576)?;
    round_trip(&client).await
}

async fn guarded() -> Result<()> {
    refused("without credentials", ConnectOptions::new()).await?;
    plain().await
}

fn wrong() -> ConnectOptions {
    ConnectOptions::new().user_and_password("alice".to_owned(), "wrong".to_owned())
}

async fn wrong_password() -> Result<()> {
    let error = connect(wrong()).await.err().context("a wrong password was not refused")?;
    same("kind of error", error.kind(), ConnectErrorKind::AuthorizationViolation)
}

async fn no_auth_user() -> Result<()> {
    refused("with a wrong password", wrong()).await?;
    round_trip(&connect(ConnectOptions::new()).await?).await
}

async fn permissions() -> Result<()> {
    let (options, mut events) = with_events(credentials().await?);
    let client = connect(options).await?;
    let is_error = |event: &Event| matches!(event, Event::ServerError(_));
    client.publish("denied.publish", "".into()).await?;
    let told = event(&mut events, "an error", is_error).await?;
    violation(&told, "publish to \"denied.publish\"")?;
    let _denied = client.subscribe("denied.subscribe").await?;
    let told = event(&mut events, "an error", is_error).await?;
    violation(&told, "subscription to \"denied.subscribe\"")?;
    round_trip(&client).await
}

fn violation(event: &Event, what: &str) -> Result<()> {
    let Event::ServerError(ServerError::Other(text)) = event else {
        bail!("expected a permissions violation, got {event:?}");
    };
    let expected = format!("permissions violation for {what}");
    ensure!(text.to_lowercase().contains(&expected), "expected {expected}, got {text}");
    Ok(())
}

async fn user_info() -> Result<()> {
    let reply = login().await?.request("$SYS.REQ.USER.INFO", "".into()).await?;
    let answer: serde_json::Value = serde_json::from_slice(&reply.payload)?;
    same("user", answer["data"]["user"].as_str(), Some("alice"))?;
    same("account", answer["data"]["account"].as_str(), Some("PROVIDER"))
}

async fn import_export() -> Result<()> {
    let (provider, consumer) = (login().await?, connect(bob()).await?);
    answer(&provider, "time.now", "noon").await?;
    same("answer", &consumer.request("clock", "".into()).await?.payload[..], b"noon")?;
    unanswered(&consumer, "time.now").await
}

async fn unanswered(client: &Client, subject: &str) -> Result<()> {
    let result = client.request(subject.to_owned(), "".into()).await;
    let error = result.err().context("a request that nobody serves was answered")?;
    same("kind of error", error.kind(), RequestErrorKind::NoResponders)
}

async fn tls() -> Result<()> {
    let stranger = ConnectOptions::new().require_tls(true);
    refused("that does not know the authority", stranger).await?;
    plain().await
}

async fn tls_client_certificate() -> Result<()> {
    refused("without a certificate", with_authority(ConnectOptions::new())).await?;
    plain().await
}

async fn tls_first() -> Result<()> {
    round_trip(&connect(credentials().await?.tls_first()).await?).await
}

async fn publish_subscribe() -> Result<()> {
    let client = login().await?;
    let mut messages = client.subscribe("sizes").await?;
    for size in [0, 1, 127, 4096, 65_536, client.server_info().max_payload] {
        let payload: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
        client.publish("sizes", payload.clone().into()).await?;
        let got = next(&mut messages).await?.payload;
        ensure!(got == payload, "a payload of {size} bytes came otherwise: {} bytes", got.len());
    }
    Ok(())
}

async fn wildcards() -> Result<()> {
    let client = login().await?;
    let mut one = client.subscribe("a.*.c").await?;
    let mut rest = client.subscribe("a.>").await?;
    for subject in ["a", "a.b", "a.b.c", "a.x.c", "a.b.c.d", "b.b.c"] {
        client.publish(subject, "".into()).await?;
    }
    round_trip(&client).await?;
    one.unsubscribe().await?;
    rest.unsubscribe().await?;
    let one: Vec<String> = one.map(|message| message.subject.to_string()).collect().await;
    same("heard by a.*.c", one, ["a.b.c", "a.x.c"].map(str::to_owned).to_vec())?;
    let rest: Vec<String> = rest.map(|message| message.subject.to_string()).collect().await;
    same("heard by a.>", rest, ["a.b", "a.b.c", "a.x.c", "a.b.c.d"].map(str::to_owned).to_vec())
}

async fn queue() -> Result<()> {
    let client = login().await?;
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(client.queue_subscribe("work", "workers".to_owned()).await?);
    }
    for number in 0..300 {
        client.publish("work", format!("{number:03}").into()).await?;
    }
    round_trip(&client).await?;
    let mut heard = Vec::new();
    for mut member in members {
        member.unsubscribe().await?;
        while let Some(message) = member.next().await {
            heard.push(String::from_utf8(message.payload.to_vec())?);
        }
    }
    heard.sort();
    let sent = (0..300).map(|number| format!("{number:03}")).collect();
    same("messages over all members", heard, sent)
}

async fn headers() -> Result<()> {
    let client = login().await?;
    let mut messages = client.subscribe("headers").await?;
    let mut sent = HeaderMap::new();
    sent.append("Color", "blue");
    sent.append("Color", "green");
    sent.append("Empty", "");
    sent.append("Sentence", "one: two, three");
    client.publish_with_headers("headers", sent.clone(), "with headers".into()).await?;
    let message = next(&mut messages).await?;
    same("headers", message.headers, Some(sent))?;
    same("payload", &message.payload[..], b"with headers")
}

/// Serves a subject: with this text, and the request's own behind it.
async fn answer(client: &Client, subject: &'static str, text: &'static str) -> Result<()> {
    let mut requests = client.subscribe(subject).await?;
    let server = client.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let payload = [text.as_bytes(), &request.payload].concat();
            if let Some(reply) = request.reply {
                server.publish(reply, payload.into()).await.ok();
            }
        }
    });
    round_trip(client).await
}

async fn request() -> Result<()> {
    let (server, client) = (login().await?, login().await?);
    answer(&server, "echo", "re: ").await?;
    same("answer", &client.request("echo", "hello".into()).await?.payload[..], b"re: hello")
}

async fn many_requests() -> Result<()> {
    let (server, client) = (login().await?, login().await?);
    answer(&server, "echo", "re: ").await?;
    let ask = |number: usize| client.request("echo", number.to_string().into());
    let replies = within(try_join_all((0..1000).map(ask)), "the last answer").await??;
    for (number, reply) in replies.iter().enumerate() {
        same("answer", &reply.payload[..], format!("re: {number}").as_bytes())?;
    }
    Ok(())
}

async fn no_responders() -> Result<()> {
    unanswered(&login().await?, "nobody").await
}

async fn unsubscribe_max() -> Result<()> {
    let client = login().await?;
    let mut messages = client.subscribe("some").await?;
    messages.unsubscribe_after(3).await?;
    for number in 0..5 {
        client.publish("some", number.to_string().into()).await?;
    }
    let heard = within(messages.map(|message| message.payload).collect::<Vec<_>>(), "the end");
    same("messages", heard.await?, vec!["0".into(), "1".into(), "2".into()])
}

async fn drain() -> Result<()> {
    let (options, mut events) = with_events(credentials().await?);
    let (client, publisher) = (connect(options).await?, login().await?);
    let messages = client.subscribe("many").await?;
    round_trip(&client).await?;
    let sent: Vec<String> = (0..100).map(|number: u32| number.to_string()).collect();
    for number in &sent {
        publisher.publish("many", number.clone().into()).await?;
    }
    round_trip(&publisher).await?;
    client.drain().await?;
    let payload = |message: async_nats::Message| String::from_utf8_lossy(&message.payload).into();
    let heard: Vec<String> = within(messages.map(payload).collect(), "the end").await?;
    event(&mut events, "the end of the connection", |e| matches!(e, Event::Closed)).await?;
    same("messages", heard, sent)
}

async fn max_payload() -> Result<()> {
    let client = login().await?;
    same("max_payload in INFO", client.server_info().max_payload, 1024)?;
    let error = client.publish("large", vec![0; 1025].into()).await.err();
    let error = error.context("a message over max_payload was published")?;
    same("kind of error", error.kind(), PublishErrorKind::MaxPayloadExceeded)?;
    round_trip(&client).await
}

async fn slow_consumer() -> Result<()> {
    let (options, mut events) = with_events(credentials().await?);
    let client = connect(options.subscription_capacity(10)).await?;
    let _nobody_reads = client.subscribe("fast").await?;
    for _ in 0..100 {
        client.publish("fast", "".into()).await?;
    }
    event(&mut events, "SlowConsumer", |e| matches!(e, Event::SlowConsumer(_))).await?;
    round_trip(&client).await
}

/// The connection is lost and comes back, and its subscription with it.
async fn outlive(subject: &'static str) -> Result<()> {
    let (options, mut events) = with_events(credentials().await?);
    let client = connect(options).await?;
    event(&mut events, "the connection", |e| matches!(e, Event::Connected)).await?;
    let mut messages = client.subscribe(subject).await?;
    let found = tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            if message.payload == "still here" {
                break;
            }
        }
    });
    round_trip(&client).await?;
    ready();
    event(&mut events, "the end of the connection", |e| matches!(e, Event::Disconnected)).await?;
    event(&mut events, "the new connection", |e| matches!(e, Event::Connected)).await?;
    client.publish(subject, "still here".into()).await?;
    Ok(within(found, "a message to the old subscription").await??)
}

async fn lame_duck() -> Result<()> {
    let (options, mut events) = with_events(credentials().await?);
    let client = connect(options).await?;
    round_trip(&client).await?;
    ready();
    let told = "the word that the server leaves";
    event(&mut events, told, |e| matches!(e, Event::LameDuckMode)).await?;
    Ok(())
}

async fn reload() -> Result<()> {
    let alice = login().await?;
    let (options, mut events) = with_events(bob());
    let _bob = connect(options.max_reconnects(1)).await?;
    ready();
    let end = "the end of bob's connection";
    event(&mut events, end, |e| matches!(e, Event::Disconnected)).await?;
    refused("of a user that is no more", bob()).await?;
    round_trip(&alice).await
}
