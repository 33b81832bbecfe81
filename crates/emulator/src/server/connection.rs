//! One connection, from the handshake to its last answer.

use super::{
    Deadlines,
    body::{self, AnswerBody},
    socket::{ResetSwitch, Socket},
};
use crate::{Delivery, Trickle, What, config::BODY_LIMIT, control, statistics::Gauge};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future::{self, Future},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

/// A client that does not even answer pings has left; HTTP/2 has no other way to tell while an answer stalls.
const HTTP2_PING_EACH: Duration = Duration::from_secs(20);

/// What all connections share.
pub(super) struct Context<S> {
    pub(super) service: S,
    /// Counts the requests under way.
    pub(super) gauge: Gauge,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) deadlines: Deadlines,
    /// No new request after the ones in flight.
    pub(super) drain: CancellationToken,
    /// The end of everything.
    pub(super) cut: CancellationToken,
}

/// What [`Context::service`] has to be.
pub(super) trait Deliver:
    Service<Request<Bytes>, Response = Delivery, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}
impl<S> Deliver for S where
    S: Service<Request<Bytes>, Response = Delivery, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Serves one connection to its end. Its errors concern its client alone, who knows better than we do.
pub(super) async fn serve<S: Deliver>(tcp: TcpStream, context: Arc<Context<S>>) {
    // Answers are small and waited for.
    let _ = tcp.set_nodelay(true);
    let reset = Arc::new(ResetSwitch::default());
    let socket = Socket::new(tcp, Arc::clone(&reset));
    let Some(tls) = &context.tls else {
        return speak_http1(socket, reset, &context).await;
    };
    let handshake = timeout(context.deadlines.handshake, tls.accept(socket));
    let stream = tokio::select! {
        outcome = handshake => match outcome {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => return tracing::debug!("a TLS handshake took too long"),
        },
        () = context.drain.cancelled() => return,
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        speak_http2(stream, reset, &context).await;
    } else {
        speak_http1(stream, reset, &context).await;
    }
}

async fn speak_http1<S: Deliver>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    reset: Arc<ResetSwitch>,
    context: &Arc<Context<S>>,
) {
    let service = service_fn(|request| answer(request, Arc::clone(&reset), Arc::clone(context)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(context.deadlines.head)
        .serve_connection(TokioIo::new(stream), service);
    carry_through(connection, http1::Connection::graceful_shutdown, &reset, context).await;
}

async fn speak_http2<S: Deliver>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    reset: Arc<ResetSwitch>,
    context: &Arc<Context<S>>,
) {
    let service = {
        let (reset, context) = (Arc::clone(&reset), Arc::clone(context));
        service_fn(move |request| answer(request, Arc::clone(&reset), Arc::clone(&context)))
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_EACH)
        .serve_connection(TokioIo::new(stream), service);
    carry_through(connection, http2::Connection::graceful_shutdown, &reset, context).await;
}

/// Polls a connection until it ends, is reset, or the server does; drops it then, and its socket with it.
async fn carry_through<C, E, S>(
    connection: C,
    finish: impl FnOnce(Pin<&mut C>),
    reset: &ResetSwitch,
    context: &Context<S>,
) where
    C: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let mut connection = pin!(connection);
    let mut finish = Some(finish);
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = context.drain.cancelled(), if finish.is_some() => {
                if let Some(finish) = finish.take() {
                    finish(connection.as_mut());
                }
            }
            () = reset.turned_on() => return,
            () = context.cut.cancelled() => return,
        }
    }
}

/// Answers one request as the emulator's delivery says. An error breaks the connection.
async fn answer<S: Deliver>(
    request: Request<Incoming>,
    reset: Arc<ResetSwitch>,
    context: Arc<Context<S>>,
) -> Result<Response<AnswerBody>, hyper::Error> {
    let (head, body) = request.into_parts();
    let Ok(body) = timeout(context.deadlines.body, body::read(body, BODY_LIMIT)).await else {
        return Ok(too_slow());
    };
    let _in_flight = control::below(head.uri.path()).is_none().then(|| context.gauge.enter());
    let mut service = context.service.clone();
    let Ok(()) = future::poll_fn(|task| service.poll_ready(task)).await;
    let Ok(Delivery { after, what }) = service.call(Request::from_parts(head, body?)).await;
    if !after.is_zero() {
        sleep(after).await;
    }
    match what {
        What::Answer(response) => {
            let trickle = Trickle::of(&response);
            Ok(response.map(|whole| match trickle {
                Some(trickle) => AnswerBody::trickled(whole, trickle),
                None => AnswerBody::Whole(whole),
            }))
        }
        What::Truncated { response, bytes } => Ok(response.map(|whole| AnswerBody::cut(&whole, bytes))),
        What::Reset => {
            reset.turn_on();
            // The connection's task ends this future with the connection.
            future::pending().await
        }
        // Ends when the client leaves or the server does.
        What::Stall => future::pending().await,
    }
}

/// The answer to a body that did not come in time; what is left of it would be taken for the next request.
fn too_slow() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
