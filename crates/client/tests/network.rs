//! The network, with servers that misbehave: what came of it, that nothing was sent twice, and that nobody
//! else was asked.

#![expect(clippy::unwrap_used, reason = "a fixture that breaks is a failed test")]

mod support;

use bytes::Bytes;
use connexa_client::{
    BodyCap, Client, ClientOptions, Credentials, HttpOptions, HttpTransport, Transport, TransportError, api,
};
use connexa_types::{Mono, Outcome, Reason, SealingKey, SecretValue, Why, schema::NetworkCreateRequest};
use http::{Method, Request, Response};
use std::{io::Write as _, sync::Arc, time::Duration};
use support::{Identity, Received, Reply, Server, answer};

/// Long enough never to be reached.
const LONG: Duration = Duration::from_secs(30);
/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(300);

/// Variables of the environment that name a proxy.
const PROXY_VARIABLES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

fn transport() -> HttpTransport {
    HttpTransport::new(HttpOptions::default()).unwrap()
}

fn trusting(identity: &Identity) -> HttpTransport {
    let extra_roots = vec![identity.authority.clone()];
    HttpTransport::new(HttpOptions { extra_roots, ..HttpOptions::default() }).unwrap()
}

fn request(method: Method, url: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(format!("{url}/api/v1/networks")).body(Bytes::from("{}")).unwrap()
}

async fn post(transport: &HttpTransport, url: &str) -> Result<Response<Bytes>, TransportError> {
    transport.send(request(Method::POST, url), LONG, LONG).await
}

#[track_caller]
fn lost(result: Result<Response<Bytes>, TransportError>) -> (Reason, Option<u16>) {
    match result {
        Err(TransportError::Lost(Why { reason, status, detail })) => {
            assert!(!detail.is_empty() && !detail.contains("127.0.0.1"), "{detail}");
            (reason, status)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn not_sent(result: Result<Response<Bytes>, TransportError>) -> Why {
    match result {
        Err(TransportError::NotSent(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_whole_answer_comes_through_as_it_is() {
    let server = Server::plain(|_| Reply::Write(answer(418, "X-RateLimit-Remaining: 3\r\n", "teapot"))).await;
    let response = post(&transport(), &server.url).await.unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "3");
    assert_eq!(&response.body()[..], b"teapot");

    let received = &server.received()[0];
    assert!(received.head.starts_with("POST /api/v1/networks HTTP/1.1\r\n"));
    assert_eq!(received.body, b"{}");
    assert_eq!(received.header("content-length"), Some("2"));
    for unwanted in ["cookie", "referer", "content-type", "authorization"] {
        assert_eq!(received.header(unwanted), None);
    }
}

#[tokio::test]
async fn after_a_connection_stood_a_failure_is_lost_and_never_sent_again() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\": ".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n".to_vec();
    let bad_chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec();
    let bad_gzip = answer(200, "Content-Encoding: gzip\r\n", "this is no gzip");
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(100_000)).into_bytes();
    let cases = [
        ("closed at once", Reply::WriteAndClose(Vec::new()), Reason::Reset, None),
        ("reset at once", Reply::WriteAndReset(Vec::new()), Reason::Reset, None),
        ("half a status line", Reply::WriteAndClose(b"HTTP/1.1 20".to_vec()), Reason::Reset, None),
        ("garbage", Reply::WriteAndClose(b"SSH-2.0-OpenSSH_9.7\r\n\r\n".to_vec()), Reason::Reset, None),
        ("endless headers", Reply::WriteAndClose(many_headers), Reason::Reset, None),
        ("half a body", Reply::WriteAndClose(head.clone()), Reason::Reset, Some(200)),
        ("reset in the body", Reply::WriteAndReset(head.clone()), Reason::Reset, Some(200)),
        ("chunks cut", Reply::WriteAndClose(chunked), Reason::Reset, Some(200)),
        ("bad chunk", Reply::WriteAndClose(bad_chunk), Reason::Reset, Some(200)),
        ("bad gzip", Reply::Write(bad_gzip), Reason::Reset, Some(200)),
    ];
    for (name, reply, reason, status) in cases {
        let server = Server::plain(move |_| reply.clone()).await;
        for method in [Method::POST, Method::GET] {
            let sent = server.received().len();
            let result = transport().send(request(method.clone(), &server.url), LONG, LONG).await;
            let (found, found_status) = lost(result);
            assert_eq!(found, reason, "{name}");
            // A reset may overtake the head of the answer.
            assert!(found_status == status || name.starts_with("reset"), "{name}: {found_status:?}");
            assert_eq!(server.received().len(), sent + 1, "{name}: {method} was sent again");
        }
    }
}

#[tokio::test]
async fn deadlines_end_what_does_not_end_by_itself() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    let slow_head = b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec();
    let cases = [
        ("no answer", Reply::WriteAndStall(Vec::new()), SHORT, LONG, None),
        ("a head that trickles", Reply::WriteAndTrickle(slow_head), SHORT, LONG, None),
        ("no answer in all the time", Reply::WriteAndStall(Vec::new()), LONG, SHORT, None),
        ("a body that stops", Reply::WriteAndStall(head.clone()), LONG, SHORT, Some(200)),
        ("a body that trickles", Reply::WriteAndTrickle(head), LONG, SHORT, Some(200)),
    ];
    for (name, reply, first_byte, total, status) in cases {
        let server = Server::plain(move |_| reply.clone()).await;
        let result = transport().send(request(Method::POST, &server.url), first_byte, total).await;
        assert_eq!(lost(result), (Reason::Timeout, status), "{name}");
        assert_eq!(server.received().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_absurd_deadline_is_no_trouble() {
    let server = Server::plain(|_| Reply::Write(answer(200, "", ""))).await;
    assert!(transport().send(request(Method::GET, &server.url), Duration::MAX, Duration::MAX).await.is_ok());
}

#[tokio::test]
async fn bodies_are_capped_as_they_come_in_and_after_decoding() {
    let endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let declared = answer(200, "", vec![b' '; 11 * 1024 * 1024]);
    let bomb = answer(200, "Content-Encoding: gzip\r\n", zeros(64 * 1024 * 1024));
    assert!(bomb.len() < 500_000);
    for (name, reply) in [("declared", declared), ("gzip bomb", bomb)] {
        let server = Server::plain(move |_| Reply::Write(reply.clone())).await;
        let result = post(&transport(), &server.url).await;
        assert_eq!(lost(result), (Reason::TooLarge, Some(200)), "{name}");
    }
    let server = Server::plain(move |_| Reply::WriteAndTrickle(endless.clone())).await;
    let mut capped = request(Method::POST, &server.url);
    capped.extensions_mut().insert(BodyCap(10));
    assert_eq!(lost(transport().send(capped, LONG, LONG).await), (Reason::TooLarge, Some(200)));

    let full = answer(200, "", vec![b' '; 10 * 1024 * 1024]);
    let server = Server::plain(move |_| Reply::Write(full.clone())).await;
    assert_eq!(post(&transport(), &server.url).await.unwrap().body().len(), 10 * 1024 * 1024);
}

#[tokio::test]
async fn gzip_is_offered_and_decoded() {
    const PAGE: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 206, 207, 43, 73, 205, 43, 81, 178, 138, 142, 213, 81,
        42, 201, 47, 73, 204, 9, 72, 76, 79, 45, 86, 178, 50, 168, 5, 0, 62, 54, 11, 95, 29, 0, 0, 0,
    ];
    let server = Server::plain(|_| Reply::Write(answer(200, "Content-Encoding: gzip\r\n", PAGE))).await;
    let response = post(&transport(), &server.url).await.unwrap();
    assert_eq!(&response.body()[..], br#"{"content":[],"totalPages":0}"#);
    assert_eq!(server.received()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let elsewhere = Server::plain(|_| Reply::Write(answer(200, "", "{}"))).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}/api/v1/networks\r\n", elsewhere.url);
        let server = Server::plain(move |_| Reply::Write(answer(status, &location, ""))).await;
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let response = transport().send(request(method, &server.url), LONG, LONG).await.unwrap();
            assert_eq!(response.status(), status);
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let server = Server::plain(|_| Reply::Write(answer(200, "Set-Cookie: a=b\r\n", ""))).await;
    let transport = transport();
    for _ in 0..2 {
        post(&transport, &server.url).await.unwrap();
    }
    assert!(server.received().iter().all(|r| r.header("cookie").is_none()));
}

#[tokio::test]
async fn no_call_rides_on_a_connection_idle_for_more_than_a_second() {
    let server = Server::plain(|_| Reply::Write(answer(200, "", ""))).await;
    let transport = transport();
    for _ in 0..3 {
        post(&transport, &server.url).await.unwrap();
    }
    assert_eq!(server.connections(), 1, "a fresh connection is used again");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    post(&transport, &server.url).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_used() {
    let server = Server::plain(|_| Reply::WriteAndClose(answer(200, "", ""))).await;
    let transport = transport();
    for sent in 1..=20 {
        // The close may meet the next request: then that one is lost, and known to be.
        let result = post(&transport, &server.url).await;
        assert!(matches!(result, Ok(_) | Err(TransportError::Lost(_))), "{result:?}");
        assert!(server.received().len() <= sent, "sent twice");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_is_sent() {
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let why = not_sent(post(&transport(), &format!("http://127.0.0.1:{free}")).await);
    assert_eq!(why.reason, Reason::Connect);
    assert!(why.detail.to_lowercase().contains("refused"), "{}", why.detail);
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_not_sent() {
    // Accepts TCP and never says a word of TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let options = HttpOptions { connect_timeout: SHORT, ..HttpOptions::default() };
    let why = not_sent(post(&HttpTransport::new(options).unwrap(), &url).await);
    assert_eq!(why.reason, Reason::Connect);
    assert!(why.detail.contains("in time"), "{}", why.detail);
}

/// Run as it is, and by the test below in a process whose environment names a proxy.
#[tokio::test]
async fn this_machine_is_reached_directly_and_names_are_looked_up_here_or_by_the_proxy() {
    let server = Server::plain(ok).await;
    for url in [server.url.clone(), format!("http://localhost:{}", server.port)] {
        assert_eq!(post(&transport(), &url).await.unwrap().status(), 200);
    }
    let proxied = PROXY_VARIABLES.into_iter().any(|name| std::env::var_os(name).is_some());
    // Names under `.invalid` never resolve (RFC 6761), whether or not there is a network.
    let why = not_sent(post(&transport(), "https://acme.invalid").await);
    assert_eq!(why.reason, if proxied { Reason::Connect } else { Reason::Dns }, "{}", why.detail);
}

#[tokio::test]
async fn a_proxy_is_used_but_never_for_this_machine() {
    let proxy = Server::plain(|_| Reply::WriteAndClose(answer(502, "", ""))).await;
    let child = tokio::task::spawn_blocking({
        let url = proxy.url.clone();
        move || {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child
                .args([
                    "--exact",
                    "this_machine_is_reached_directly_and_names_are_looked_up_here_or_by_the_proxy",
                ])
                .env_remove("NO_PROXY")
                .env_remove("no_proxy");
            for name in PROXY_VARIABLES {
                child.env(name, &url);
            }
            child.output().unwrap()
        }
    });
    let output = child.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let heads: Vec<_> = proxy.received().into_iter().map(|r| r.head).collect();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("CONNECT acme.invalid:443 "), "{heads:?}");
}

fn ok(_: &Received) -> Reply {
    Reply::Write(answer(200, "", "{}"))
}

#[tokio::test]
async fn authorities_are_added_to_those_of_the_system() {
    let identity = Identity::localhost();
    let by_bytes = trusting(&identity);
    let file = tempfile::NamedTempFile::new().unwrap();
    // The right one stands behind another: a file may hold several.
    writeln!(&file, "{}\n{}", Identity::localhost().authority_pem, identity.authority_pem).unwrap();
    let options = HttpOptions { ca_file: Some(file.path().to_owned()), ..HttpOptions::default() };
    let by_file = HttpTransport::new(options).unwrap();
    let server = Server::tls(identity, ok).await;
    for transport in [by_bytes, by_file] {
        for url in [server.url.clone(), format!("https://localhost:{}", server.port)] {
            assert_eq!(post(&transport, &url).await.unwrap().status(), 200, "{url}");
        }
    }
    assert!(rustls::crypto::CryptoProvider::get_default().is_none(), "nothing is installed process-wide");
}

#[tokio::test]
async fn a_bad_certificate_says_which_way_it_is_bad_and_nothing_is_sent() {
    let expired = |p: &mut rcgen::CertificateParams| p.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let early = |p: &mut rcgen::CertificateParams| p.not_before = rcgen::date_time_ymd(2090, 1, 1);
    let cases = [
        (Identity::localhost(), false, "--ca-file"),
        (Identity::new(&["other.example"], |_| {}), true, "another name"),
        (Identity::new(&["127.0.0.1"], expired), true, "expired"),
        (Identity::new(&["127.0.0.1"], early), true, "not valid yet"),
    ];
    for (identity, trusted, words) in cases {
        let transport = if trusted { trusting(&identity) } else { transport() };
        let server = Server::tls(identity, ok).await;
        let why = not_sent(post(&transport, &server.url).await);
        assert_eq!(why.reason, Reason::Tls, "{words}");
        assert!(why.detail.contains(words), "{words}: {}", why.detail);
        assert!(server.received().is_empty(), "{words}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to() {
    // What a plain HTTP server says to the first bytes of a handshake.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let why = not_sent(post(&transport(), &url).await);
    assert_eq!(why.reason, Reason::Tls);
    assert!(why.detail.contains("does not speak TLS"), "{}", why.detail);
}

#[tokio::test]
async fn resets_over_tls_are_lost_like_any_other() {
    for reply in [Reply::WriteAndClose(Vec::new()), Reply::WriteAndReset(Vec::new())] {
        let identity = Identity::localhost();
        let transport = trusting(&identity);
        let server = Server::tls(identity, move |_| reply.clone()).await;
        assert_eq!(lost(post(&transport, &server.url).await).0, Reason::Reset);
        assert_eq!(server.received().len(), 1);
    }
}

/// The whole way: a client over HTTPS.
#[tokio::test]
async fn a_client_works_over_https() {
    let identity = Identity::localhost();
    let transport = Arc::new(trusting(&identity));
    let server = Server::tls(identity, |request| {
        let rate = "X-RateLimit-Remaining: 5\r\n";
        if request.head.contains("/oauth/token") {
            let token = if request.body.is_empty() { "none" } else { "canary" };
            return Reply::Write(answer(
                200,
                "",
                format!(r#"{{"access_token": "{token}", "expires_in": 60}}"#),
            ));
        }
        let authorized = request.header("authorization") == Some("Bearer canary");
        assert!(authorized, "{}", request.head);
        match request.head.split(' ').next() {
            Some("GET") => Reply::Write(answer(200, rate, r#"{"content": []}"#)),
            Some("DELETE") => Reply::Write(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            _ => Reply::WriteAndReset(Vec::new()),
        }
    })
    .await;
    let credentials = Credentials { client_id: "id".to_owned(), client_secret: SecretValue::new("secret") };
    let options = ClientOptions::new(server.url.parse().unwrap(), credentials, SealingKey::new([1; 32]));
    let start = std::time::Instant::now();
    let client = Client::new(options, transport, Arc::new(move || Mono::from_origin(start.elapsed())));

    let read = client.execute(&api::networks::list(api::PageRequest::default()), LONG).await;
    assert_eq!(read.answer.unwrap().unwrap().content, []);
    assert_eq!(read.attempt.quota.unwrap().remaining, Some(5));
    let deleted = client.execute(&api::users::delete(&"a/b".into()), LONG).await;
    assert!(matches!(deleted.attempt.outcome, Outcome::Applied(_)));
    let created = client.execute(&api::networks::create(&NetworkCreateRequest::default()), LONG).await;
    let Outcome::Indeterminate(why) = created.attempt.outcome else { panic!() };
    assert_eq!(why.reason, Reason::Reset);
    assert_eq!((created.attempt.wire_calls, created.attempt.token_calls), (1, 0));

    let lines: Vec<_> = server.received().iter().map(|r| r.head.lines().next().unwrap().to_owned()).collect();
    let expected = [
        "POST /api/v1/oauth/token HTTP/1.1",
        "GET /api/v1/networks?page=0&size=1000 HTTP/1.1",
        "DELETE /api/v1/users/a%2Fb HTTP/1.1",
        "POST /api/v1/networks HTTP/1.1",
    ];
    assert_eq!(lines, expected);
    let create = &server.received()[3];
    assert_eq!(create.header("content-type"), Some("application/json"));
    assert_eq!(create.header("user-agent"), Some(ClientOptions::USER_AGENT));
    assert_eq!(server.received()[0].header("content-type"), None, "as the official client");
    assert_eq!(server.connections(), 1);
}

/// A gzip stream of at least `length` zero bytes, by hand: a literal zero, then copies of 258 bytes from one
/// byte back.
fn zeros(length: usize) -> Vec<u8> {
    let mut bits = Vec::new();
    let mut push = |code: u32, width: u32| bits.extend((0..width).rev().map(|i| code >> i & 1 == 1));
    push(0b1, 1); // the last block …
    push(0b10, 2); // … of fixed codes (01, lowest bit first)
    push(0b0011_0000, 8);
    for _ in 0..=length / 258 {
        push(0b1100_0101, 8);
        push(0, 5);
    }
    push(0, 7);
    let mut stream = vec![31, 139, 8, 0, 0, 0, 0, 0, 0, 255];
    for byte in bits.chunks(8) {
        stream.push(byte.iter().enumerate().fold(0, |byte, (i, &bit)| byte | u8::from(bit) << i));
    }
    stream
}
