//! A name server that knows a few TXT records, so that tests need no network.

use hickory_resolver::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record, RecordType, rdata::TXT},
    serialize::binary::{BinDecodable as _, BinEncodable as _},
};
use std::{collections::HashMap, net::SocketAddr};
use tokio::net::UdpSocket;

/// Names, with a dot at their end, and their TXT records.
#[derive(Clone, Default)]
pub struct Zone {
    texts: HashMap<String, String>,
    fails: bool,
}

impl Zone {
    pub fn txt(mut self, name: &str, text: &str) -> Self {
        self.texts.insert(format!("{name}."), text.into());
        self
    }

    /// A server that can't find out anything.
    pub fn failing() -> Self {
        Self { fails: true, ..Self::default() }
    }

    /// Answers until the test ends.
    pub async fn serve(self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((size, asker)) = socket.recv_from(&mut buffer).await {
                let answer = self.answer(&buffer[..size]);
                socket.send_to(&answer, asker).await.unwrap();
            }
        });
        address
    }

    fn answer(&self, question: &[u8]) -> Vec<u8> {
        let asked = Message::from_bytes(question).unwrap();
        let query = asked.queries.first().unwrap().clone();
        let mut answer = asked.clone();
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        match self.texts.get(&query.name().to_ascii().to_lowercase()) {
            _ if self.fails => answer.metadata.response_code = ResponseCode::ServFail,
            Some(text) if query.query_type() == RecordType::TXT => {
                // A string of a record has at most 255 bytes.
                let strings = text.as_bytes().chunks(255).map(|part| String::from_utf8(part.into()).unwrap());
                let data = RData::TXT(TXT::new(strings.collect()));
                answer.answers.push(Record::from_rdata(query.name().clone(), 60, data));
            }
            Some(_) => {}
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        answer.to_bytes().unwrap()
    }
}
