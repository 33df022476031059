//! Counters in Prometheus' text format. Labels are routes, statuses and names of limits: never an id.

use crate::limits::Limit;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

/// The relay's counters.
#[derive(Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    refused: [AtomicU64; Limit::ALL.len()],
    mail: Mutex<BTreeMap<&'static str, u64>>,
    /// Rows appended to logs.
    pub appended_rows: AtomicU64,
    /// Pushes that were left out because a socket was too slow.
    pub dropped_pushes: AtomicU64,
    /// Open sockets.
    pub sockets: AtomicI64,
    /// Rows and other things deleted by age.
    pub swept: AtomicU64,
}

impl Metrics {
    /// Counts an answer. `route` is the route's pattern.
    pub fn request(&self, route: &str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *requests.entry((route.to_owned(), status)).or_default() += 1;
    }

    /// Counts a mail that arrived, or a recipient that was refused, by what became of it.
    pub fn mail(&self, outcome: &'static str) {
        let mut mail = self.mail.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *mail.entry(outcome).or_default() += 1;
    }

    /// Counts what a limit refused.
    pub fn refused(&self, limit: Limit) {
        if let Some(counter) = self.refused.get(limit as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// All counters as text.
    pub fn render(&self) -> String {
        let mut text = String::from("# TYPE haven_requests_total counter\n");
        let requests = self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for ((route, status), count) in requests.iter() {
            let _ = writeln!(text, "haven_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}");
        }
        text.push_str("# TYPE haven_limited_total counter\n");
        for (limit, counter) in Limit::ALL.iter().zip(&self.refused) {
            let _ =
                writeln!(text, "haven_limited_total{{limit=\"{}\"}} {}", limit.name(), counter.load(Relaxed));
        }
        text.push_str("# TYPE haven_arriving_mail_total counter\n");
        let mail = self.mail.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (outcome, count) in mail.iter() {
            let _ = writeln!(text, "haven_arriving_mail_total{{outcome=\"{outcome}\"}} {count}");
        }
        for (name, counter) in [
            ("haven_appended_rows_total", &self.appended_rows),
            ("haven_dropped_pushes_total", &self.dropped_pushes),
            ("haven_swept_total", &self.swept),
        ] {
            let _ = writeln!(text, "# TYPE {name} counter\n{name} {}", counter.load(Relaxed));
        }
        let _ = writeln!(text, "# TYPE haven_sockets gauge\nhaven_sockets {}", self.sockets.load(Relaxed));
        text
    }
}
