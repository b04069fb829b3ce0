use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

const MASK: [u8; 4] = [9, 8, 7, 6];

/// A client's frame.
fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    frame.extend_from_slice(&MASK);
    frame.extend_from_slice(payload);
    frame::unmask(&mut frame[6..], MASK, 0);
    frame
}

fn pair(upgrade: Upgrade) -> (DuplexStream, Framed<DuplexStream>, Arc<Peer>) {
    let (near, far) = tokio::io::duplex(1 << 20);
    let peer = Arc::new(Peer::default());
    (near, Framed::new(far, &upgrade, peer.clone()), peer)
}

fn usual() -> (DuplexStream, Framed<DuplexStream>, Arc<Peer>) {
    pair(Upgrade { masked: true, ..Upgrade::default() })
}

async fn received(near: &mut DuplexStream, bytes: usize) -> Vec<u8> {
    let mut received = vec![0; bytes];
    near.read_exact(&mut received).await.unwrap();
    received
}

#[tokio::test]
async fn messages_are_one_stream_wherever_they_are_cut() {
    let frames = [
        framed(0x81, b"PI"),
        framed(0x02, b"NG\r"),
        framed(0x89, b"hey"),
        framed(0x00, b""),
        framed(0x80, b"\nPING\r\n"),
        framed(0x82, b"+OK\r\n"),
    ]
    .concat();
    for cut in 1..frames.len() {
        let (mut near, mut far, _) = usual();
        let mut read = [0; 17];
        let writing = async {
            near.write_all(&frames[..cut]).await.unwrap();
            tokio::task::yield_now().await;
            near.write_all(&frames[cut..]).await.unwrap();
        };
        let (_, result) = tokio::join!(writing, far.read_exact(&mut read));
        result.unwrap();
        assert_eq!(&read, b"PING\r\nPING\r\n+OK\r\n", "{cut}");
        assert_eq!(received(&mut near, 5).await, b"\x8a\x03hey");
    }
}

#[tokio::test]
async fn a_write_is_a_message_and_a_browser_gets_small_ones() {
    let (mut near, mut far, _) = usual();
    let pieces = [IoSlice::new(b"MSG a 1 2\r\n"), IoSlice::new(b"hi\r\n")];
    assert_eq!(far.write_vectored(&pieces).await.unwrap(), 15);
    far.flush().await.unwrap();
    assert_eq!(received(&mut near, 17).await, b"\x82\x0fMSG a 1 2\r\nhi\r\n");
    let (mut near, mut far, _) = pair(Upgrade { browser: true, ..Upgrade::default() });
    far.write_all(&[b'x'; 5000]).await.unwrap();
    far.flush().await.unwrap();
    assert_eq!(received(&mut near, 4).await, [0x82, 126, 16, 0]);
    assert_eq!(received(&mut near, 4100).await[4096..], [0x82, 126, 3, 136]);
}

#[tokio::test]
async fn a_close_is_answered_with_the_same_words() {
    for (payload, answer) in [
        (&b"\x03\xe8bye"[..], &b"\x88\x05\x03\xe8bye"[..]),
        (b"", b"\x88\x00"),
        (b"\x03\xe8\xff", b"\x88\x22\x03\xefinvalid utf8 body in close frame"),
    ] {
        let (mut near, mut far, _) = usual();
        near.write_all(&framed(0x88, payload)).await.unwrap();
        let mut rest = Vec::new();
        let _ = far.read_to_end(&mut rest).await;
        far.write_all(b"too late").await.unwrap();
        far.shutdown().await.unwrap();
        assert!(rest.is_empty());
        assert_eq!(received(&mut near, answer.len()).await, answer);
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn the_last_frame_says_why() {
    let (mut near, mut far, peer) = usual();
    peer.ends(Reason::CLIENT_CLOSED);
    far.shutdown().await.unwrap();
    assert_eq!(received(&mut near, 17).await, b"\x88\x0f\x03\xe8Client Closed");
}

#[tokio::test]
async fn what_no_client_may_send_ends_the_stream() {
    for frames in [
        b"\x82\x00".to_vec(),
        framed(0xc2, b"x"),
        framed(0x80, b"x"),
        [framed(0x02, b"x"), framed(0x82, b"y")].concat(),
        framed(0x88, b"x"),
    ] {
        let (mut near, mut far, _) = usual();
        near.write_all(&frames).await.unwrap();
        let mut read = Vec::new();
        let error = far.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{frames:?}");
        let frame = received(&mut near, 4).await;
        assert_eq!((frame[0], frame[2], frame[3]), (0x88, 3, 0xea), "{frames:?}");
    }
}

#[tokio::test]
async fn compressed_messages_go_both_ways() {
    let upgrade = Upgrade { masked: true, compressed: true, ..Upgrade::default() };
    let (mut near, mut far, _) = pair(upgrade);
    let text = b"PUB subject 5\r\nhello\r\n".repeat(100);
    let packed = deflate::deflate(&[IoSlice::new(&text)]);
    let (one, two) = packed.split_at(packed.len() / 2);
    let frames = [framed(0x42, one), framed(0x80, two), framed(0x82, b"PING\r\n")].concat();
    near.write_all(&frames).await.unwrap();
    let mut read = vec![0; text.len() + 6];
    far.read_exact(&mut read).await.unwrap();
    assert!(read == [&text[..], b"PING\r\n"].concat());
    far.write_all(&text).await.unwrap();
    far.flush().await.unwrap();
    let head = received(&mut near, 2).await;
    assert_eq!((head[0], usize::from(head[1])), (0xc2, packed.len()));
    assert_eq!(received(&mut near, packed.len()).await, packed);
}

/// The reader's answer and the writer's message wait for the same socket, which wakes only the one
/// that asked last.
#[tokio::test]
async fn reader_and_writer_are_both_woken_when_there_is_room_again() {
    let (mut near, far) = tokio::io::duplex(8);
    let far = Framed::new(far, &Upgrade { masked: true, ..Upgrade::default() }, Arc::default());
    let (mut reader, mut writer) = tokio::io::split(far);
    let writing = tokio::spawn(async move {
        for _ in 0..100 {
            writer.write_all(&[b'x'; 100]).await.unwrap();
            writer.flush().await.unwrap();
        }
        writer
    });
    let reading = tokio::spawn(async move {
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
    });
    let (mut from, mut to) = tokio::io::split(&mut near);
    let pinging = async {
        for _ in 0..100 {
            to.write_all(&framed(0x89, b"ping")).await.unwrap();
        }
    };
    let mut all = vec![0; 100 * 102 + 100 * 6];
    let done = timeout(Duration::from_secs(10), async {
        let (_, read) = tokio::join!(pinging, from.read_exact(&mut all));
        read.unwrap();
    });
    done.await.unwrap();
    let _writer = timeout(Duration::from_secs(10), writing).await.unwrap().unwrap();
    reading.abort();
}

#[test]
fn who_takes_no_answers_is_not_read_from() {
    let (mut near, far) = tokio::io::duplex(64);
    let mut far = Framed::new(far, &Upgrade { masked: true, ..Upgrade::default() }, Arc::default());
    let ping = framed(0x89, &[b'x'; 100]);
    let (mut cx, mut buffer) = (Context::from_waker(Waker::noop()), [0; 64]);
    let mut sent = 0;
    for _ in 0..1 << 20 {
        let written = Pin::new(&mut near).poll_write(&mut cx, &ping[sent % ping.len()..]);
        let read = Pin::new(&mut far).poll_read(&mut cx, &mut ReadBuf::new(&mut buffer));
        assert!(read.is_pending());
        match written {
            Poll::Ready(written) => sent += written.unwrap(),
            Poll::Pending => break,
        }
    }
    assert!(far.waiting.len() < ANSWERS_BYTES_MAX + 1024, "{}", far.waiting.len());
    assert!((ANSWERS_BYTES_MAX..ANSWERS_BYTES_MAX * 2).contains(&sent), "{sent}");
}

proptest::proptest! {
    /// Whatever comes: no panic, no endless work, and no more kept than came.
    #[test]
    fn any_bytes_are_frames_or_a_violation(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        masked: bool,
        compressed: bool,
    ) {
        // Random bytes hardly ever begin well; this is where that does not matter.
        let long = b"\xc2\xfe\x01\x00\0\0\0\0";
        for start in [&b""[..], b"\x02\x80\0\0\0\0", b"\x42\x8a\0\0\0\0", long] {
            let mut incoming = Incoming::new(masked, compressed);
            incoming.input().extend_from_slice(start);
            incoming.input().extend_from_slice(&bytes);
            let mut room = [0; 64 << 10];
            for step in 0.. {
                assert!(step < 1000);
                incoming.take(&mut ReadBuf::new(&mut room));
                match incoming.next() {
                    Ok(Event::Nothing) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        }
    }
}
