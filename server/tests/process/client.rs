//! The program as a child process, and a plain HTTP client for it.

use crate::common::{By, answer, headers_of};
use axum::{body::Body, http::Request};
use haven_wire::{Call, Refusal};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    thread::JoinHandle,
};
use tokio::net::TcpStream;

/// A running relay. Killed when dropped.
pub struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    greeting: String,
    err: Option<JoinHandle<String>>,
    pub wire: Wire,
}

fn read_all(mut pipe: ChildStderr) -> JoinHandle<String> {
    // Read all the time, or the child would wait for room in the pipe.
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = pipe.read_to_string(&mut text);
        text
    })
}

impl Program {
    pub fn command(data: &Path, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haven-server"));
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
        if !options.contains(&"--metrics") {
            command.args(["--metrics", "off"]);
        }
        command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub async fn start(data: &Path, options: &[&str]) -> Self {
        Self::spawn(&mut Self::command(data, options))
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let err = read_all(child.stderr.take().unwrap());
        let mut greeting = String::new();
        out.read_line(&mut greeting).unwrap();
        let address =
            greeting.trim().replace("localhost", "127.0.0.1").rsplit('/').next().unwrap().parse().unwrap();
        Self { child, out, greeting, err: Some(err), wire: Wire::at(address) }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM. Answers the status, and all that was printed.
    pub fn terminate(self) -> (ExitStatus, String, String) {
        self.ask_to_end();
        self.ended()
    }

    /// SIGTERM, and nothing else.
    pub fn ask_to_end(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits until it has ended. Answers the status, and all that was printed.
    pub fn ended(mut self) -> (ExitStatus, String, String) {
        let status = self.child.wait().unwrap();
        let mut out = std::mem::take(&mut self.greeting);
        self.out.read_to_string(&mut out).unwrap();
        let err = self.err.take().unwrap().join().unwrap();
        (status, out, err)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens at. It is below those that a system gives out by itself, so that nothing takes it before the
/// program does; and tests that run at the same time, each a process, begin to look at different ones.
pub fn free_port() -> u16 {
    let first = 23_000 + u16::try_from(std::process::id() % 900).unwrap() * 10;
    (first..32_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Calls over HTTP, a connection for each.
#[derive(Clone)]
pub struct Wire {
    pub address: SocketAddr,
}

impl Wire {
    pub fn at(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Nothing if the connection broke.
    pub async fn call<C: Call>(&self, call: &C, by: By<'_>) -> Option<Result<C::Reply, Refusal>> {
        let body = haven_wire::encode(call).unwrap();
        let mut request = Request::post(C::PATH).body(Body::from(body)).unwrap();
        *request.headers_mut() = headers_of::<C>(by);
        let (status, body) = self.send(request).await?;
        let response = axum::http::Response::builder().status(status).body(()).unwrap();
        Some(answer::<C>(&response, &body))
    }

    pub async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.send(request).await.unwrap()
    }

    async fn send(&self, mut request: Request<Body>) -> Option<(u16, Vec<u8>)> {
        request.headers_mut().insert("host", "localhost".parse().unwrap());
        let stream = TcpStream::connect(self.address).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, body.to_vec()))
    }
}
