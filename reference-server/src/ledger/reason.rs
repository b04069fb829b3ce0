//! Why connections end, in nats-server's words.

use crate::connection::ENDED;

/// The reason of a closed connection (table 8.7 of the catalogue, MON-018), and the code of a
/// WebSocket's close (WS-008).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) text: &'static str,
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only WebSockets say it"))]
    pub(crate) code: u16,
}

const fn reason(text: &'static str, code: u16) -> Reason {
    Reason { text, code }
}

impl Reason {
    pub(crate) const CLIENT_CLOSED: Reason = reason("Client Closed", 1000);
    pub(crate) const READ_ERROR: Reason = reason("Read Error", 1000);
    pub(crate) const WRITE_ERROR: Reason = reason("Write Error", 1000);
    #[cfg_attr(not(feature = "system"), allow(dead_code, reason = "nobody can ask for it"))]
    pub(crate) const KICKED: Reason = reason("Kicked", 1000);
    pub(crate) const SHUTDOWN: Reason = reason("Server Shutdown", 1001);
    pub(crate) const SLOW_PENDING: Reason = reason("Slow Consumer (Pending Bytes)", 1008);
    pub(crate) const SLOW_WRITE: Reason = reason("Slow Consumer (Write Deadline)", 1008);
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nobody shakes hands"))]
    pub(crate) const TLS_HANDSHAKE: Reason = reason("TLS Handshake Failure", 1000);
    pub(crate) const PROXY_DISTRUSTED: Reason = reason("Proxy Not Trusted", 1008);
    pub(crate) const PROXY_REQUIRED: Reason = reason("Proxy Required", 1008);
    pub(crate) const STALE: Reason = reason("Stale Connection", 1001);

    /// The reason behind the words of an `-ERR` line or of a silent end.
    pub(crate) fn behind(words: &str) -> Reason {
        let (text, code) = match words {
            ENDED => return Reason::SHUTDOWN,
            "Stale Connection" => return Reason::STALE,
            // A reload, but not its words, ended it.
            "the user is gone" => return Reason::CLIENT_CLOSED,
            "Authentication Timeout" => ("Authentication Timeout", 1008),
            "Authorization Violation" => ("Authentication Failure", 1008),
            "User Authentication Expired" | "Account Authentication Expired" => {
                ("Authentication Expired", 1008)
            }
            "User Authentication Revoked" => ("Credentials Revoked", 1008),
            "maximum connections exceeded" => ("Maximum Connections Exceeded", 1008),
            "maximum account active connections exceeded" => {
                ("Maximum Account Connections Exceeded", 1008)
            }
            "maximum control line exceeded" => ("Maximum Control Line Exceeded", 1008),
            "Maximum Payload Violation" => ("Maximum Message Payload Exceeded", 1009),
            "invalid client protocol" => ("Bad Client Protocol Version", 1002),
            "no responders requires headers support" => ("No Responders Requires Headers", 1011),
            "the client sent -ERR" => ("Parse Error", 1002),
            _ => ("Protocol Violation", 1002),
        };
        reason(text, code)
    }

    /// Whether the connection took its messages too slowly.
    pub(crate) fn is_slow_consumer(self) -> bool {
        [Reason::SLOW_PENDING, Reason::SLOW_WRITE].contains(&self)
    }
}
