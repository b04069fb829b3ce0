//! Which requests are timed: by chance, or because a header of theirs asks for it (ACC-020).

use std::collections::BTreeMap;

use rand::RngExt;

use crate::{
    Latency,
    protocol::{Publish, headers},
};

/// Headers by their name, written as HTTP does.
pub(super) type Headers = BTreeMap<String, Vec<String>>;

const JAEGER: &str = "Uber-Trace-Id";
/// What Jaeger's clients send besides.
const JAEGER_BAGGAGE: &str = "Uberctx-";
const ZIPKIN: &str = "B3";
const ZIPKIN_SAMPLED: &str = "X-B3-Sampled";
const ZIPKIN_TRACE: &str = "X-B3-Traceid";
const ZIPKIN_ALL: &[&str] = &[ZIPKIN_SAMPLED, ZIPKIN_TRACE, "X-B3-Parentspanid", "X-B3-Spanid"];
const W3C: &str = "Traceparent";
const W3C_STATE: &str = "Tracestate";

/// Whether a request is timed, and the headers because of which it is.
pub(super) fn sample(latency: &Latency, request: &Publish<'_>) -> Option<Headers> {
    if rand::rng().random_range(0..100) < latency.percent {
        return Some(Headers::new());
    }
    let (length, _) = request.header?;
    asked_for(read(request.body.get(..length)?)?)
}

/// All headers; none of a block that has a line without a name.
fn read(block: &[u8]) -> Option<Headers> {
    let mut all = Headers::new();
    for field in headers::fields(block) {
        let (name, value) = field?;
        let value = String::from_utf8_lossy(value).into_owned();
        all.entry(canonical(name)?).or_default().push(value);
    }
    Some(all)
}

/// A name with capitals where HTTP has them; none if it can't be one.
fn canonical(name: &[u8]) -> Option<String> {
    let mut inside = false;
    let mut letter = |byte: &u8| {
        let letter = if inside { byte.to_ascii_lowercase() } else { byte.to_ascii_uppercase() };
        inside = *byte != b'-';
        let allowed = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        allowed.then_some(char::from(letter))
    };
    (!name.is_empty()).then(|| name.iter().map(&mut letter).collect())?
}

/// The headers that ask for it, if any do: the first kind that is there decides.
fn asked_for(mut all: Headers) -> Option<Headers> {
    let first = |name| all.get(name).and_then(|values| values.first()).map(String::as_str);
    let (asks, kept): (bool, fn(&str) -> bool) = if let Some(id) = first(JAEGER) {
        (jaeger_samples(id), |name| name == JAEGER || name.starts_with(JAEGER_BAGGAGE))
    } else if let Some("0" | "1") = first(ZIPKIN_SAMPLED) {
        (first(ZIPKIN_SAMPLED) == Some("1"), |name| ZIPKIN_ALL.contains(&name))
    } else if first(ZIPKIN_TRACE).is_some() {
        (true, |name| ZIPKIN_ALL.contains(&name))
    } else if let Some(b3) = first(ZIPKIN) {
        (zipkin_samples(b3), |name| name == ZIPKIN)
    } else {
        (w3c_samples(first(W3C)?), |name| name == W3C || name == W3C_STATE)
    };
    if !asks {
        return None;
    }
    all.retain(|name, _| kept(name));
    Some(all)
}

/// `trace:span:parent:flags`, flags in one or two digits.
fn jaeger_samples(id: &str) -> bool {
    let parts: Vec<&str> = id.split(':').collect();
    matches!(parts[..], [_, _, _, flags] if flags.len() <= 2 && is_odd(flags, u8::MAX))
}

/// `trace-span-sampled-parent`, or the third of it alone; who leaves it out leaves it to us.
fn zipkin_samples(b3: &str) -> bool {
    b3 != "0" && b3.split('-').nth(2) != Some("0")
}

/// `version-trace-parent-flags`. The topmost flag can't be read, as with nats-server.
pub(crate) fn w3c_samples(parent: &str) -> bool {
    let parts: Vec<&str> = parent.split('-').collect();
    matches!(parts[..], [_, _, _, flags] if flags.len() == 2 && is_odd(flags, 0x7f))
}

fn is_odd(hex: &str, max: u8) -> bool {
    u8::from_str_radix(hex, 16).is_ok_and(|flags| flags <= max && flags & 1 == 1)
}
