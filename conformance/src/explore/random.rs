//! Stories by chance. Few subjects, sids and groups, so that they meet; a little of everything that
//! is wrong.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{Act, MALFORMED, Op, Options, Story};

const PEERS_MAX: usize = 4;
const SIDS: u8 = 4;

/// Stories of up to so many operations.
pub fn stories(ops_max: usize) -> impl Strategy<Value = Story> {
    let peers = vec(options(), 1..=PEERS_MAX);
    (peers, vec((0..PEERS_MAX, act()), 1..=ops_max)).prop_map(|(peers, ops)| {
        let count = peers.len();
        let op = |(peer, act)| Op { peer: peer % count, act };
        Story { peers, ops: ops.into_iter().map(op).collect() }
    })
}

fn options() -> impl Strategy<Value = Options> {
    let often = || prop::bool::weighted(0.8);
    let seldom = || prop::bool::weighted(0.2);
    (often(), often(), often(), seldom(), seldom()).prop_map(
        |(echo, headers, no_responders, verbose, pedantic)| Options {
            echo,
            headers,
            no_responders: no_responders && headers,
            verbose,
            pedantic,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => subscribe(),
        3 => (1..=SIDS, option::of(0..5u8))
            .prop_map(|(sid, max)| Act::Unsubscribe { sid, max }),
        10 => publish(),
        2 => Just(Act::Flush),
        1 => Just(Act::Reconnect),
        1 => select(MALFORMED.iter().collect::<Vec<_>>()).prop_map(Act::Malformed),
    ]
}

fn subscribe() -> impl Strategy<Value = Act> {
    let token = prop_oneof![8 => select(vec!["a", "b"]), 3 => Just("*"), 2 => Just(">")];
    let pattern = prop_oneof![
        12 => vec(token, 1..4).prop_map(|tokens| tokens.join(".")),
        1 => select(vec!["a.", ".a", "a..b", "a*", "*a.b", "a.>b", "."]).prop_map(str::to_owned),
    ];
    let queue = option::of(select(vec!["q", "r"]).prop_map(str::to_owned));
    (pattern, queue, 1..=SIDS).prop_map(|(pattern, queue, sid)| Act::Subscribe {
        pattern,
        queue,
        sid,
    })
}

fn publish() -> impl Strategy<Value = Act> {
    let header = option::weighted(
        0.2,
        select(vec![
            &b"NATS/1.0\r\n\r\n"[..],
            b"NATS/1.0\r\nA: b\r\n\r\n",
            b"NATS/1.0\r\na:b\r\nA: c\r\n\r\n",
            b"no header at all",
        ]),
    );
    let payload = prop_oneof![
        12 => vec(any::<u8>(), 0..20),
        2 => vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'x')], 0..12),
        1 => (0..70_000usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    (subject(), option::weighted(0.4, subject()), header, payload).prop_map(
        |(subject, reply, header, payload)| {
            let header = header.map(<[u8]>::to_vec);
            Act::Publish { subject, reply, header, payload }
        },
    )
}

fn subject() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => vec(select(vec!["a", "b"]), 1..4).prop_map(|tokens| tokens.join(".")),
        1 => select(vec!["a.*", "*", ">", "a.>", "a..b", ".a", "a.", "A", "a*"])
            .prop_map(str::to_owned),
    ]
}
