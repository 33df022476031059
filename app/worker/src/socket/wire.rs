//! One WebSocket, as a stream of what happens on it.
//!
//! web-sys rather than gloo-net: gloo sends every frame as a `Blob`, which takes three times as long.

use futures_channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use haven_wire::push::{FromRelay, PATH, ToRelay};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

/// What happens on a WebSocket.
pub enum Signal {
    /// It can send.
    Open,
    /// The relay said something.
    Frame(FromRelay),
    /// It is over, or could not be opened.
    Closed,
}

/// A WebSocket. Dropping it closes it.
pub struct Wire {
    socket: WebSocket,
    /// What happens.
    pub signals: UnboundedReceiver<Signal>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_event: [Closure<dyn FnMut(Event)>; 2],
}

impl Wire {
    /// Begins to connect to a relay.
    pub fn open(origin: &str) -> Result<Self, JsValue> {
        let socket = WebSocket::new(&address(origin))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (tell, signals) = mpsc::unbounded();

        let messages = tell.clone();
        let on_message = Closure::new(move |event: MessageEvent| {
            // Frames that this version doesn't know are hints that it can't use.
            if let Some(frame) = decode(&event) {
                let _ = messages.unbounded_send(Signal::Frame(frame));
            }
        });
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

        let on_open = forward(tell.clone(), || Signal::Open);
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        // A socket that the page's policy blocks gives an error, and never a close.
        let on_end = forward(tell, || Signal::Closed);
        socket.set_onclose(Some(on_end.as_ref().unchecked_ref()));
        socket.set_onerror(Some(on_end.as_ref().unchecked_ref()));

        Ok(Self { socket, signals, _on_message: on_message, _on_event: [on_open, on_end] })
    }

    /// Sends a message, if there is one. What can't be sent is lost with the connection, which then ends anyway.
    pub fn send(&self, message: &Option<ToRelay>) {
        let encoded = message.as_ref().map(haven_wire::encode);
        if let Some(Ok(bytes)) = encoded {
            let _ = self.socket.send_with_u8_array(&bytes);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        let _ = self.socket.close();
    }
}

/// `https://…` becomes `wss://…`.
fn address(origin: &str) -> String {
    match origin.strip_prefix("http") {
        Some(rest) => format!("ws{rest}{PATH}"),
        None => format!("{origin}{PATH}"),
    }
}

fn forward(tell: UnboundedSender<Signal>, signal: fn() -> Signal) -> Closure<dyn FnMut(Event)> {
    Closure::new(move |_| {
        let _ = tell.unbounded_send(signal());
    })
}

fn decode(event: &MessageEvent) -> Option<FromRelay> {
    let buffer: ArrayBuffer = event.data().dyn_into().ok()?;
    haven_wire::decode(&Uint8Array::new(&buffer).to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn a_relay_s_socket_is_as_secure_as_its_pages() {
        assert_eq!(address("https://a.example"), "wss://a.example/v1/socket");
        assert_eq!(address("http://localhost:1"), "ws://localhost:1/v1/socket");
    }
}
