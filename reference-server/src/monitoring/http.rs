//! Requests and answers: which page answers which path (MON-001 to MON-008).
//!
//! What a stranger can make the server hold has an end: so many connections at a time, so much of
//! a request, so long until its head is there, and so long until a connection is over.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
        X_CONTENT_TYPE_OPTIONS,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    absent, accounts, connz, process,
    query::{BadRequest, Query},
    root, subsz, varz,
};
use crate::{
    Profile,
    server::{Overview, Shared},
    transport::{NotAdmitted, Peer, Stream},
};

/// Connections at a time; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Until the head of the first or next request has come.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Until a connection takes no more requests, so that nobody keeps one of the places for ever.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// And until it is over, whether or not the last answer has been taken.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(10);

/// Answers requests for ever.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log::error!("can't serve monitoring pages: {error}"),
    };
    let pages = Arc::new(Pages::new(shared));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // The semaphore is never closed.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, addr)) => {
                let pages = pages.clone();
                tokio::spawn(async move {
                    let Some(stream) = pages.admit(stream, addr).await else { return };
                    // Whoever talks nonsense or goes away is nobody to tell.
                    let _ = converse(stream, pages).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others must close first.
                log::error!("can't accept a monitoring connection: {error}");
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn converse(stream: Stream, pages: Arc<Pages>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let pages = pages.clone();
        async move { Ok::<_, Infallible>(pages.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        over = connection.as_mut() => return over,
        () = sleep(CONNECTION_TIME_MAX) => connection.as_mut().graceful_shutdown(),
    }
    timeout(FAREWELL_TIME_MAX, connection).await.unwrap_or(Ok(()))
}

/// All pages of a server.
struct Pages {
    shared: Arc<Shared>,
    prefix: String,
    /// How often each page was asked for.
    requests: Mutex<BTreeMap<&'static str, u64>>,
    cpu: process::Cpu,
}

/// What a page comes to.
enum Page {
    /// With status 200 for most.
    Json(u16, String),
    Html(String),
    Text(u16, String),
    /// The path is none, said as Go's library says it.
    Nowhere,
}

impl Pages {
    fn new(shared: Arc<Shared>) -> Pages {
        Pages {
            prefix: Overview::new(&shared).config().monitoring.prefix(),
            shared,
            requests: Mutex::default(),
            cpu: process::Cpu::new(),
        }
    }

    /// Does the handshake, where there is one; a reload may have changed the certificate.
    async fn admit(&self, stream: TcpStream, addr: SocketAddr) -> Option<Stream> {
        let Some(tls) = Overview::new(&self.shared).tls_of_pages() else {
            return Some(Stream::Clear(stream));
        };
        let admitted = tls.handshake_or_hint(stream, &mut Peer::default()).await;
        let words = match admitted {
            Ok(stream) => return Some(stream),
            Err(NotAdmitted::Tls(words)) => words,
            Err(error) => error.to_string(),
        };
        log::error!("monitoring: TLS handshake error from {addr}: {words}");
        None
    }

    /// The method does not matter (MON-007). What comes behind the head is not read.
    async fn answer(self: Arc<Pages>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let uri = request.uri().clone();
        let make = move || {
            let query = Query::parse(uri.query().unwrap_or_default());
            let page = self.page(uri.path(), &query);
            let page = page.unwrap_or_else(|bad| Page::Text(400, bad.to_string()));
            page.respond(Overview::new(&self.shared).profile(), query.text("callback"))
        };
        // On a thread of its own: a page of a million subscriptions takes its time.
        tokio::task::spawn_blocking(make).await.unwrap_or_else(|error| {
            log::error!("a monitoring page could not be made: {error}");
            response(500, "text/plain; charset=utf-8", String::new())
        })
    }

    fn page(&self, path: &str, query: &Query) -> Result<Page, BadRequest> {
        let server = &Overview::new(&self.shared);
        let Some(path) = path.strip_prefix(&self.prefix) else { return Ok(Page::Nowhere) };
        let root = if self.prefix.is_empty() { "/" } else { "" };
        match path {
            _ if path == root => {
                self.count("/");
                Ok(Page::Html(root::page(server, &self.prefix)))
            }
            "/varz" => {
                let requests = self.count("/varz");
                json(&varz::varz(server, requests, self.cpu.percent()))
            }
            "/connz" => self.counted("/connz", connz::connz(server, query)),
            "/subsz" | "/subscriptionsz" => self.counted("/subsz", subsz::subsz(server, query)),
            "/accountz" => self.counted("/accountz", accounts::accountz(server, query)),
            "/accstatz" => self.counted("/accstatz", accounts::accstatz(server, query)),
            "/routez" => self.counted("/routez", absent::routez(server, query)),
            "/gatewayz" => self.counted("/gatewayz", absent::gatewayz(server, query)),
            "/leafz" => self.counted("/leafz", absent::leafz(server, query)),
            "/jsz" => self.counted("/jsz", absent::jsz(server, query)),
            "/healthz" => {
                self.count("/healthz");
                let (status, health) = absent::healthz(server, query)?;
                // The only page that is not indented (MON-001).
                Ok(Page::Json(status, written(serde_json::to_string(&health))))
            }
            "/stacksz" => Ok(Page::Json(200, absent::stacksz())),
            "/ipqueuesz" => json(&absent::Nothing {}),
            "/raftz" if server.profile() >= Profile::V2_10 => {
                Ok(Page::Text(404, "No Raft nodes registered".to_owned()))
            }
            "/debug/vars" if server.profile() >= Profile::V2_11 => json(&absent::expvars()),
            _ => Ok(Page::Nowhere),
        }
    }

    fn counted(
        &self,
        path: &'static str,
        page: Result<impl Serialize, BadRequest>,
    ) -> Result<Page, BadRequest> {
        self.count(path);
        page.and_then(|page| json(&page))
    }

    /// One request more; says how many there were of each page.
    fn count(&self, path: &'static str) -> BTreeMap<&'static str, u64> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(path).or_default() += 1;
        requests.clone()
    }
}

fn json(page: &impl Serialize) -> Result<Page, BadRequest> {
    Ok(Page::Json(200, written(serde_json::to_string_pretty(page))))
}

/// Texts and numbers can always be written.
fn written(json: serde_json::Result<String>) -> String {
    json.unwrap_or_default()
}

impl Page {
    fn respond(self, profile: Profile, callback: &str) -> Response<Full<Bytes>> {
        // A page as the call of a function, for browsers of another age (MON-008).
        let jsonp = profile <= Profile::V2_12 && is_function(callback);
        match self {
            Page::Json(status, json) if jsonp => {
                response(status, "application/javascript", format!("{callback}({json})"))
            }
            Page::Json(status, json) => {
                let mut response = response(status, "application/json", json);
                if profile >= Profile::V2_10 {
                    let any = HeaderValue::from_static("*");
                    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
                }
                response
            }
            Page::Html(html) => {
                let mut response = response(200, "text/html; charset=utf-8", html);
                let policy = HeaderValue::from_static(root::CONTENT_POLICY);
                response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
                response
            }
            Page::Text(status, text) => response(status, "text/plain; charset=utf-8", text),
            Page::Nowhere => {
                let text = "404 page not found\n".to_owned();
                let mut response = response(404, "text/plain; charset=utf-8", text);
                let no_sniff = HeaderValue::from_static("nosniff");
                response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, no_sniff);
                response
            }
        }
    }
}

/// Whether a text names a function of JavaScript: nothing else is echoed.
fn is_function(name: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_$.".contains(letter);
    !name.is_empty() && name.chars().all(is_part)
}

fn response(status: u16, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
