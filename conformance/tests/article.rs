//! The article's experiments with a real client library, async-nats, against the embedded broker.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::collections::BTreeSet;

use async_nats::{Client, Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use nats_reference_server::Server;

async fn client(server: &Server) -> Client {
    async_nats::connect(server.client_url()).await.unwrap()
}

/// Subscribes on a connection of its own; the server knows of it when this returns.
async fn subscriber(server: &Server, subject: &str, queue: Option<&str>) -> (Client, Subscriber) {
    let client = client(server).await;
    let subject = subject.to_owned();
    let subscriber = match queue {
        Some(queue) => client.queue_subscribe(subject, queue.to_owned()).await.unwrap(),
        None => client.subscribe(subject).await.unwrap(),
    };
    client.flush().await.unwrap();
    round_trip(&client).await;
    (client, subscriber)
}

/// What was sent before has been executed: a message to oneself came back.
async fn round_trip(client: &Client) {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    client.publish(inbox, "".into()).await.unwrap();
    answers.next().await.unwrap();
}

async fn publish(client: &Client, subject: &str, payload: &str) {
    client.publish(subject.to_owned(), payload.to_owned().into()).await.unwrap();
}

/// Everything that had been sent to a subscriber when this was called.
async fn received((client, subscriber): &mut (Client, Subscriber)) -> Vec<(String, String)> {
    // What was delivered before this answer stands in front of it, and has been handed on.
    round_trip(client).await;
    let mut messages = Vec::new();
    while let Some(Some(message)) = subscriber.next().now_or_never() {
        messages.push(text(&message));
    }
    messages
}

fn text(message: &Message) -> (String, String) {
    (message.subject.to_string(), String::from_utf8_lossy(&message.payload).into_owned())
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn four_subscribers() {
    let server = Server::builder().start().await.unwrap();
    let mut exact = subscriber(&server, "nats.pubsub", None).await;
    let mut alice = subscriber(&server, "nats.pubsub.alice", None).await;
    let mut star = subscriber(&server, "nats.pubsub.*", None).await;
    let mut arrow = subscriber(&server, "nats.>", None).await;
    let publisher = client(&server).await;
    publish(&publisher, "nats.pubsub", "hello").await;
    publish(&publisher, "nats.pubsub.alice", "hi alice").await;
    publish(&publisher, "nats", "anybody?").await;
    round_trip(&publisher).await;
    let (hello, hi) = (("nats.pubsub", "hello"), ("nats.pubsub.alice", "hi alice"));
    assert_eq!(received(&mut exact).await, pairs(&[hello]));
    assert_eq!(received(&mut alice).await, pairs(&[hi]));
    assert_eq!(received(&mut star).await, pairs(&[hi]));
    assert_eq!(received(&mut arrow).await, pairs(&[hello, hi]));
}

#[tokio::test]
async fn a_hierarchy_of_subjects() {
    let server = Server::builder().start().await.unwrap();
    let mut east = subscriber(&server, "time.*.east", None).await;
    let mut us = subscriber(&server, "time.us.>", None).await;
    let publisher = client(&server).await;
    for subject in ["time.us", "time.us.east", "time.us.east.atlanta", "time.eu.east"] {
        publish(&publisher, subject, "").await;
    }
    round_trip(&publisher).await;
    assert_eq!(received(&mut east).await, pairs(&[("time.us.east", ""), ("time.eu.east", "")]));
    let expected = pairs(&[("time.us.east", ""), ("time.us.east.atlanta", "")]);
    assert_eq!(received(&mut us).await, expected);
}

#[tokio::test]
async fn request_and_reply() {
    let server = Server::builder().start().await.unwrap();
    let (responder, mut requests) = subscriber(&server, "help.please", None).await;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let reply = request.reply.unwrap();
            assert!(reply.starts_with("_INBOX."));
            // An acknowledgement has no content.
            let answer = if request.payload.is_empty() { "" } else { "OK, I can help" };
            responder.publish(reply, answer.into()).await.unwrap();
        }
    });
    let requester = client(&server).await;
    let answer = requester.request("help.please", "I need help".into()).await.unwrap();
    assert_eq!(answer.payload, "OK, I can help");
    let acknowledgement = requester.request("help.please", "".into()).await.unwrap();
    assert!(acknowledgement.payload.is_empty());
    // Nobody serves this one, and the server says so at once.
    let error = requester.request("nobody.home", "?".into()).await.unwrap_err();
    assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn at_most_once() {
    let server = Server::builder().start().await.unwrap();
    let publisher = client(&server).await;
    publish(&publisher, "news", "lost").await;
    round_trip(&publisher).await;
    let mut late = subscriber(&server, "news", None).await;
    publish(&publisher, "news", "heard").await;
    round_trip(&publisher).await;
    assert_eq!(received(&mut late).await, pairs(&[("news", "heard")]));
}

#[tokio::test]
async fn nine_messages_to_a_queue_group_of_three() {
    let server = Server::builder().start().await.unwrap();
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(subscriber(&server, "jobs", Some("workers")).await);
    }
    let mut plain = subscriber(&server, "jobs", None).await;
    let publisher = client(&server).await;
    for n in 1..=9 {
        publish(&publisher, "jobs", &n.to_string()).await;
    }
    round_trip(&publisher).await;
    let mut all = Vec::new();
    for member in &mut members {
        let jobs: Vec<u32> =
            received(member).await.iter().map(|(_, job)| job.parse().unwrap()).collect();
        assert!(jobs.is_sorted(), "{jobs:?}");
        all.extend(jobs);
    }
    assert_eq!(all.len(), 9);
    assert_eq!(all.into_iter().collect::<BTreeSet<u32>>(), (1..=9).collect());
    assert_eq!(received(&mut plain).await.len(), 9);
}
