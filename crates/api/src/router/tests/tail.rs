//! Tails over a real socket.

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::harness::{ENTRY, Server, server};

pub(super) type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(server: &Server, parameters: &[(&str, &str)]) -> Socket {
    connect_to(server, "/loki/api/v1/tail", parameters).await
}

pub(super) async fn connect_to(server: &Server, path: &str, parameters: &[(&str, &str)]) -> Socket {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = server.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let url = format!("ws://{address}{path}?{query}");
    tokio_tungstenite::connect_async(url).await.expect("an upgrade").0
}

/// The next frame with content.
async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = socket.next().await.expect("the socket is open").expect("a message");
        if !matches!(message, Message::Ping(_) | Message::Pong(_)) {
            return message;
        }
    }
}

fn parsed(message: &Message) -> Value {
    serde_json::from_str(message.to_text().expect("a text frame")).expect("JSON")
}

fn closed(message: Message) -> (u16, String) {
    let Message::Close(Some(CloseFrame { code, reason })) = message else {
        unreachable!("a close frame, not {message}")
    };
    (code.into(), reason.as_str().to_owned())
}

#[tokio::test]
async fn the_past_comes_first_then_what_arrives() {
    let server = server().await;
    server.push(json!([{"stream": {"app": "x"}, "values": [[ENTRY.to_string(), "old", {"id": "1"}]]}])).await;
    let mut socket = connect(&server, &[("query", r#"{app="x"}"#)]).await;
    assert_eq!(
        parsed(&next(&mut socket).await),
        json!({"streams": [{
            "stream": {"app": "x", "service_name": "x", "id": "1", "detected_level": "unknown"},
            "values": [[ENTRY.to_string(), "old"]],
        }]})
    );
    let later = (ENTRY + 1).to_string();
    server.push(json!([{"stream": {"app": "x"}, "values": [[later, "new"]]}])).await;
    assert_eq!(
        parsed(&next(&mut socket).await),
        json!({"streams": [{"stream": {"app": "x", "service_name": "x"}, "values": [[later, "new"]]}]})
    );
    server.stopping.cancel();
    assert_eq!(closed(next(&mut socket).await), (1001, "the server is stopping".to_owned()));
}

#[tokio::test]
async fn only_logs_can_be_tailed() {
    let server = server().await;
    let mut socket = connect(&server, &[("query", r#"rate({app="x"}[1m])"#)]).await;
    assert_eq!(closed(next(&mut socket).await), (1011, "only log selector is supported".to_owned()));
}
