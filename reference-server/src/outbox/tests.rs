use std::{
    pin::{Pin, pin},
    task::{Context, Waker},
};

use super::*;

const MESSAGE: Publish<'_> =
    Publish { subject: b"a", reply: None, header: None, size: b"4", body: b"body", rest: None };
const AS_IT_CAME: Publish<'_> = Publish { rest: Some(b" 4\r\nbody\r\n"), ..MESSAGE };
/// A receiver that takes headers, and its sid.
const TO: (&[u8], bool) = (b"1", true);

fn taken(outbox: &Outbox) -> Option<Vec<u8>> {
    match outbox.lock().take()? {
        Batch::Send(pieces) => Some(pieces.iter().flatten().copied().collect()),
        Batch::End(ending) => Some(format!("{ending:?}").into_bytes()),
    }
}

fn is_done(future: Pin<&mut impl Future>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn one_ring_a_batch() {
    let outbox = Outbox::new(100);
    assert_eq!(outbox.append(|out| out.push(b'a')), Ring::Due);
    assert_eq!(outbox.append(|out| out.push(b'b')), Ring::No);
    assert_eq!(taken(&outbox).unwrap(), b"ab");
    assert_eq!(outbox.append(|out| out.push(b'c')), Ring::Due);
}

#[test]
fn shared_and_copied_bytes_keep_their_order() {
    let outbox = Outbox::new(1000);
    let _ = outbox.append(|out| out.extend_from_slice(b"first "));
    let shared = Bytes::from_static(b"header body");
    let message = Publish { header: Some((7, b"7")), size: b"11", body: &shared, ..MESSAGE };
    let _ = outbox.lock().deliver(1000, &message, (b"1", false), Some(&shared));
    let _ = outbox.append(|out| out.extend_from_slice(b"last"));
    assert_eq!(taken(&outbox).unwrap(), b"first MSG a 1 4\r\nbody\r\nlast");
}

#[test]
fn exactly_full_is_served_and_one_more_is_cut() {
    let outbox = Outbox::new(4);
    let _ = outbox.append(|out| out.extend_from_slice(b"1234"));
    assert_eq!(taken(&outbox).unwrap(), b"1234");
    // The bytes still count until they are sent.
    assert_eq!(outbox.append(|out| out.push(b'5')), Ring::Overflow);
    assert_eq!(taken(&outbox).unwrap(), b"Cut");
}

#[test]
fn who_is_cut_holds_nothing_any_more() {
    let outbox = Outbox::new(1 << 20);
    let _ = outbox.lock().deliver(1 << 20, &MESSAGE, TO, Some(&Bytes::from_static(b"body")));
    assert!(!outbox.lock().pieces.is_empty() && !outbox.lock().open.is_empty());
    outbox.end(Ending::Cut);
    assert!(outbox.lock().pieces.is_empty() && outbox.lock().open.is_empty());
}

#[test]
fn what_was_delivered_and_what_waits_are_told() {
    let outbox = Outbox::new(100);
    let _ = outbox.append(|out| out.extend_from_slice(b"PING\r\n"));
    for message in [Publish { size: b"3", body: b"abc", ..MESSAGE }, AS_IT_CAME] {
        let _ = outbox.lock().deliver(100, &message, TO, None);
    }
    let (traffic, pending) = outbox.traffic();
    assert_eq!((traffic.msgs, traffic.bytes, pending), (2, 3 + 4, 6 + 16 + 17));
}

#[test]
fn sent_bytes_make_room() {
    let outbox = Outbox::new(4);
    let _ = outbox.append(|out| out.extend_from_slice(b"1234"));
    assert!(outbox.is_full() && taken(&outbox).is_some());
    outbox.sent(4);
    assert!(!outbox.is_full());
    let _ = outbox.append(|out| out.push(b'5'));
    assert_eq!(taken(&outbox).unwrap(), b"5");
}

#[test]
fn an_ending_connection_sends_what_waits_and_takes_nothing_more() {
    let outbox = Outbox::new(100);
    let _ = outbox.append(|out| out.extend_from_slice(b"bye"));
    outbox.end(Ending::Flush);
    let _ = outbox.append(|out| out.extend_from_slice(b"late"));
    assert_eq!(taken(&outbox).unwrap(), b"bye");
    assert_eq!(taken(&outbox).unwrap(), b"Flush");
    outbox.end(Ending::Cut);
    assert_eq!(taken(&outbox).unwrap(), b"Cut");
}

#[test]
fn every_byte_of_a_delivery_counts() {
    let shared = Bytes::from_static(b"header body");
    for (message, shared) in [(MESSAGE, None), (MESSAGE, Some(&shared)), (AS_IT_CAME, None)] {
        let outbox = Outbox::new(1000);
        let _ = outbox.append(|out| out.extend_from_slice(b"first "));
        let _ = outbox.lock().deliver(1000, &message, TO, shared);
        let _ = outbox.append(|out| out.extend_from_slice(b"last"));
        assert_eq!(outbox.lock().pending_bytes, b"first MSG a 1 4\r\nbody\r\nlast".len());
        assert_eq!(taken(&outbox).unwrap(), b"first MSG a 1 4\r\nbody\r\nlast");
    }
}

#[test]
fn full_is_above_three_quarters() {
    let outbox = Outbox::new(400);
    assert_eq!(outbox.max_pending_bytes(), 400);
    let _ = outbox.append(|out| out.resize(300, b'x'));
    assert!(!outbox.is_full());
    let _ = outbox.append(|out| out.push(b'x'));
    assert!(outbox.is_full());
    outbox.sent(1);
    assert!(!outbox.is_full());
}

#[test]
fn who_waits_for_room_goes_on_at_three_quarters() {
    let outbox = Outbox::new(400);
    let _ = outbox.append(|out| out.resize(302, b'x'));
    let mut drained = pin!(outbox.drained());
    assert!(!is_done(drained.as_mut()));
    outbox.sent(1);
    assert!(!is_done(drained.as_mut()));
    outbox.sent(1);
    assert!(is_done(drained) && is_done(pin!(outbox.drained())));
}

#[test]
fn a_reader_hears_of_any_end_and_a_writer_of_a_cut() {
    let outbox = Outbox::new(4);
    let (mut news, mut cut) = (pin!(outbox.news()), pin!(outbox.cut()));
    assert!(!is_done(news.as_mut()) && !is_done(cut.as_mut()));
    outbox.end(Ending::Flush);
    assert!(is_done(news) && !is_done(cut.as_mut()));
    outbox.end(Ending::Cut);
    assert!(is_done(cut) && is_done(pin!(outbox.news())));
}

#[test]
fn a_reader_is_called_once_even_before_it_listens() {
    let outbox = Outbox::new(4);
    outbox.call();
    assert!(is_done(pin!(outbox.news())));
    let mut news = pin!(outbox.news());
    assert!(!is_done(news.as_mut()));
    outbox.call();
    assert!(is_done(news));
}

#[test]
fn only_a_delivery_counts_as_delivered() {
    let outbox = Outbox::new(100);
    let _ = outbox.append(|out| out.push(b'x'));
    assert!(!outbox.take_delivered());
    for message in [MESSAGE, AS_IT_CAME] {
        let _ = outbox.lock().deliver(100, &message, TO, None);
        assert!(outbox.take_delivered() && !outbox.take_delivered());
    }
}
