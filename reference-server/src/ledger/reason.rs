//! Why connections end, in nats-server's words.

/// The reason of a closed connection (table 8.7 of the catalogue, MON-018).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) text: &'static str,
}

const fn reason(text: &'static str) -> Reason {
    Reason { text }
}

impl Reason {
    pub(crate) const CLIENT_CLOSED: Reason = reason("Client Closed");
    pub(crate) const READ_ERROR: Reason = reason("Read Error");
    pub(crate) const WRITE_ERROR: Reason = reason("Write Error");
    pub(crate) const SHUTDOWN: Reason = reason("Server Shutdown");
    pub(crate) const SLOW_PENDING: Reason = reason("Slow Consumer (Pending Bytes)");
    pub(crate) const SLOW_WRITE: Reason = reason("Slow Consumer (Write Deadline)");
    pub(crate) const STALE: Reason = reason("Stale Connection");

    /// The reason behind the words of an `-ERR` line or of a silent end.
    pub(crate) fn behind(words: &str) -> Reason {
        match words {
            "ended by the server" => Reason::SHUTDOWN,
            "Stale Connection" => Reason::STALE,
            "Authentication Timeout" => reason("Authentication Timeout"),
            "Authorization Violation" => reason("Authentication Failure"),
            "User Authentication Expired" => reason("Authentication Expired"),
            "User Authentication Revoked" => reason("Credentials Revoked"),
            "maximum connections exceeded" => reason("Maximum Connections Exceeded"),
            "maximum account active connections exceeded" => {
                reason("Maximum Account Connections Exceeded")
            }
            "maximum control line exceeded" => reason("Maximum Control Line Exceeded"),
            "Maximum Payload Violation" => reason("Maximum Message Payload Exceeded"),
            "invalid client protocol" => reason("Bad Client Protocol Version"),
            "no responders requires headers support" => reason("No Responders Requires Headers"),
            "the client sent -ERR" => reason("Parse Error"),
            _ => reason("Protocol Violation"),
        }
    }

    /// Whether the connection took its messages too slowly.
    pub(crate) fn is_slow_consumer(self) -> bool {
        [Reason::SLOW_PENDING, Reason::SLOW_WRITE].contains(&self)
    }
}
