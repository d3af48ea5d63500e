//! The commands over TLS: HTTP and websockets, trusted by a flag or not at all.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::{Message, accept};

use super::cli::sigyn;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn config() -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).expect("the certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).expect("the key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key belongs to the certificate");
    Arc::new(config)
}

/// Answers labels, or sends one entry over a websocket and closes it as one does who has no more to say.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, is_tail: bool) {
    let connection = ServerConnection::new(config).expect("a connection");
    let mut stream = StreamOwned::new(connection, stream);
    if !is_tail {
        let body = r#"{"status":"success","data":["app"]}"#;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        // A client that does not trust the certificate is gone by now.
        let _ = stream.write_all(answer.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
        // What is not read would turn the end of the connection into a reset.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    } else if let Ok(mut socket) = accept(stream) {
        let frame = r#"{"streams":[{"stream":{"app":"a"},"values":[["1795428000000000000","over TLS"]]}]}"#;
        socket.send(Message::text(frame)).expect("the client listens");
        socket.close(None).expect("the client listens");
        while socket.read().is_ok() {}
    }
}

fn start(is_tail: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind an ephemeral port");
    let port = listener.local_addr().expect("the port's number").port();
    let config = config();
    // Ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            std::thread::spawn(move || serve(stream, config, is_tail));
        }
    });
    port
}

fn run(port: u16, arguments: &[&str]) -> (Option<i32>, String, String) {
    let address = format!("--addr=https://localhost:{port}");
    let output = sigyn(port, &[arguments, &[&address]].concat()).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn answers_come_over_tls() {
    let port = start(false);
    let authority = fixture("authority.pem").display().to_string();
    for trust in [&["--ca-cert", &authority][..], &["--tls-skip-verify"]] {
        let (code, out, notes) = run(port, &[&["labels"], trust].concat());
        assert_eq!((code, out.as_str()), (Some(0), "app\n"), "{trust:?}: {notes}");
    }
}

#[test]
fn tails_come_over_tls() {
    let port = start(true);
    let authority = fixture("authority.pem").display().to_string();
    for trust in [&["--ca-cert", &authority][..], &["--tls-skip-verify"]] {
        let tail = ["tail", "{app=\"a\"}", "-o", "raw", "--retries=0"];
        let (code, out, notes) = run(port, &[&tail, trust].concat());
        assert_eq!((code, out.as_str()), (Some(1), "over TLS\n"), "{trust:?}: {notes}");
        assert!(notes.starts_with("sigyn: the tail ended: "), "{notes}");
    }
}

#[test]
fn strangers_are_not_trusted() {
    let other = tempfile::NamedTempFile::new().expect("a file");
    for (is_tail, command) in [(false, "labels"), (true, "tail")] {
        let port = start(is_tail);
        let mut arguments = vec![command];
        arguments.extend((is_tail).then_some("{app=\"a\"}"));
        let (code, out, notes) = run(port, &arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{notes}");
        // A machine without certificates says so first.
        let is_told = notes.contains("its certificate is not trusted, --ca-cert names one that is");
        assert!(is_told || notes.contains("no certificates to trust"), "{notes}");
        let empty = other.path().display().to_string();
        let (code, _, notes) = run(port, &[&arguments[..], &["--ca-cert", &empty]].concat());
        assert!(code == Some(1) && notes.contains("no certificate in it"), "{notes}");
    }
}
