//! `aioxide top --web`: the live view in a browser. It listens on the loopback interface only, and answers
//! only who has the token that it prints.

mod answers;

use crate::units::reason;
use answers::{Target, View};
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

const PAGE: &str = include_str!("../../assets/top.html");
const STYLE: &str = include_str!("../../assets/top.css");
const CODE: &str = include_str!("../../assets/top.js");

/// What the page may load: its own content and what it asks this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";

struct Server {
    /// The processes that are shown; none for all.
    pids: Vec<u32>,
    token: String,
}

/// Serves the view of `pids` (all processes that have a console, if there are none) on `port` of the
/// loopback interface (0 for any that is free), until the process is ended. Prints the address.
///
/// # Errors
/// A sentence for the user: the port is taken, a process is gone or has no console.
pub fn run(pids: &[u32], port: u16) -> Result<(), String> {
    for pid in pids {
        crate::process::Connection::open(&crate::process::of_pid(*pid)?)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the server: {error}"))?;
    runtime.block_on(serve(pids.to_vec(), port))
}

async fn serve(pids: Vec<u32>, port: u16) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("{address}: {}", reason(&error)))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let server = Arc::new(Server { pids, token: token()? });
    // Whoever reads it may have gone.
    let _ = writeln!(io::stdout(), "http://{address}/?token={}", server.token);
    let router = Router::new()
        .route("/", get(page))
        .route("/snapshot", get(snapshot))
        .route("/stack", get(stack))
        .route("/cancel", post(cancel))
        .route("/timeline", get(timeline))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), guard))
        .with_state(server);
    axum::serve(listener, router).await.map_err(|error| format!("the server: {error}"))
}

/// 128 bits that nobody can guess.
fn token() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Lets those through who have the token, and says what browsers are to keep to.
async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let given = query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    // Other pages of the browser reach this server too, by a name of theirs that resolves to it.
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let local = host.starts_with("127.0.0.1:") || host.starts_with("localhost:");
    let mut response = if local && equal(given, &server.token) {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "the token is missing or wrong: open the address that 'aioxide top --web' prints",
        )
            .into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// Compares without telling by the time where the first difference is.
fn equal(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

async fn page() -> Html<String> {
    Html(PAGE.replace("<!--style-->", STYLE).replace("<!--code-->", CODE))
}

async fn snapshot(State(server): State<Arc<Server>>, Query(view): Query<View>) -> Response {
    blocking(move || Ok(answers::snapshots(&server.pids, &view))).await
}

async fn stack(Query(target): Query<Target>) -> Response {
    blocking(move || answers::stack(&target)).await
}

async fn cancel(Query(target): Query<Target>) -> Response {
    blocking(move || answers::cancel(&target)).await
}

async fn timeline(Query(target): Query<Target>) -> Response {
    let made = tokio::task::spawn_blocking(move || answers::timeline(target.pid)).await;
    match made {
        Ok(Ok(page)) => Html(page).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_GATEWAY, why).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Runs what asks a process on a thread that may wait.
async fn blocking<T: serde::Serialize + Send + 'static>(
    ask: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => axum::Json(answer).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_GATEWAY, why).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
