//! `sigyn tail` through a proxy that breaks connections: what arrives is printed once, whatever happens between.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::cli::{push, sigyn};
use super::support::{Server, now};

const WITHIN: Duration = Duration::from_secs(20);

/// Passes connections on to a server, until it is told to cut them.
struct Proxy {
    port: u16,
    is_open: Arc<AtomicBool>,
    live: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind an ephemeral port");
        let port = listener.local_addr().expect("the port's number").port();
        let (is_open, live) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (open, kept, behind) = (Arc::clone(&is_open), Arc::clone(&live), server.port);
        // Ends with the process.
        std::thread::spawn(move || {
            for front in listener.incoming().map_while(Result::ok) {
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(back) = TcpStream::connect(("127.0.0.1", behind)) else { continue };
                let pair = |stream: &TcpStream| stream.try_clone().expect("another handle");
                kept.lock().expect("no panic under the lock").extend([pair(&front), pair(&back)]);
                let (from, to) = (pair(&front), pair(&back));
                std::thread::spawn(move || copy(from, to));
                std::thread::spawn(move || copy(back, front));
            }
        });
        Self { port, is_open, live }
    }

    /// Cuts every connection and takes no more.
    fn cut(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        for stream in self.live.lock().expect("no panic under the lock").drain(..) {
            // The other end may have been faster.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // Either end may close at any time; that is what ends this.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.flush();
    let _ = to.shutdown(Shutdown::Both);
}

/// A tail in the background. Killed when dropped.
struct Tail {
    child: Child,
    out: Receiver<String>,
    notes: Receiver<String>,
}

impl Tail {
    fn start(port: u16, arguments: &[&str]) -> Self {
        let mut child = sigyn(port, &[&["tail"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let out = lines(child.stdout.take().expect("a pipe"));
        let notes = lines(child.stderr.take().expect("a pipe"));
        Self { child, out, notes }
    }

    #[track_caller]
    fn next(&self) -> String {
        let told = || self.notes.try_iter().collect::<Vec<_>>().join("\n");
        self.out.recv_timeout(WITHIN).unwrap_or_else(|error| panic!("{error}: {}", told()))
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

#[test]
fn a_tail_outlives_its_connections() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let labels = json!({ "app": "a" });
    let say = |line: &str| push(&server, &labels, &[(now(), line.to_owned())]);
    say("old");
    say("newer");
    let proxy = Proxy::before(&server);
    let tail = Tail::start(proxy.port, &[r#"{app="a"} != "hidden""#, "--limit=1", "-o", "raw"]);
    assert_eq!(tail.next(), "newer");
    say("live");
    assert_eq!(tail.next(), "live");
    for round in 0..2 {
        proxy.cut();
        let note = tail.notes.recv_timeout(WITHIN).expect("it says that the connection is gone");
        assert!(note.starts_with("the tail broke off: ") && note.contains("trying again in"), "{note}");
        // More than the tail's own history would bring back.
        for at in 0..5 {
            say(&format!("missed {round} {at}"));
        }
        say("hidden");
        proxy.mend();
        for at in 0..5 {
            assert_eq!(tail.next(), format!("missed {round} {at}"));
        }
        say("live again");
        assert_eq!(tail.next(), "live again");
        while tail.notes.try_recv().is_ok() {}
    }
    assert!(tail.out.try_recv().is_err(), "nothing is printed twice");
}

#[test]
fn a_tail_without_history_prints_what_is_new() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    push(&server, &json!({ "app": "a" }), &[(now() - 1_000_000_000, "old".to_owned())]);
    let tail = Tail::start(server.port, &[r#"{app="a"}"#, "--limit=0", "--no-labels"]);
    // The first lines may be before the tail; what comes is in order and new.
    let mut at = 0;
    let first = loop {
        push(&server, &json!({ "app": "a" }), &[(now(), format!("new {at}"))]);
        at += 1;
        match tail.out.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => break line,
            Err(_) => assert!(at < 200, "nothing in twenty seconds"),
        }
    };
    assert!(first.contains("Z new "), "{first}");
}

#[test]
fn a_tail_can_be_told_to_give_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    push(&server, &json!({ "app": "a" }), &[(now(), "one".to_owned())]);
    let mut tail = Tail::start(server.port, &[r#"{app="a"}"#, "-o", "raw", "--retries=1"]);
    assert_eq!(tail.next(), "one");
    server.kill();
    let status = tail.child.wait().expect("it ends");
    let notes: Vec<String> = tail.notes.iter().collect();
    assert_eq!(status.code(), Some(1), "{notes:?}");
    assert!(notes.last().is_some_and(|note| note.starts_with("sigyn: the tail ended: ")), "{notes:?}");
}
