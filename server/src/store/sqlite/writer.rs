//! The single writer: concurrent changes share one transaction and one fsync (group commit).
//!
//! While a transaction is being made durable, further jobs queue up and become the next one. Each job runs inside its
//! own savepoint, so that a refusal undoes that job alone; a failing disk undoes the whole batch. Nobody is answered,
//! and no news is sent, before `COMMIT` has returned.

use super::{News, Result, StoreError};
use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::{AssertSqlSafe, SqliteConnection, raw_sql};
use std::panic::AssertUnwindSafe;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Jobs in one transaction, at most: bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;
/// Jobs that wait, at most. Callers beyond wait for room.
const MAX_QUEUE: usize = 1024;

/// What a job works on.
pub(super) struct Tx {
    /// The connection, inside a transaction and a savepoint.
    pub connection: SqliteConnection,
    /// News of what the transaction changes, sent after it is durable.
    pub news: Vec<News>,
}

/// What becomes of a job's changes.
enum Verdict {
    /// They stay.
    Keep,
    /// The job was refused: they go, others' stay.
    Undo,
    /// The storage failed: the whole batch goes.
    Abort,
}

/// Tells the caller, once it is known whether the batch is durable.
type Tell = Box<dyn FnOnce(Result<()>) + Send>;
type Run = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, (Verdict, Tell)> + Send>;

enum Job {
    Inside(Run),
    /// A statement outside any transaction.
    Outside(String, oneshot::Sender<Result<()>>),
}

/// Handle to the writer's task, which ends when [`Writer::close`] is called or the handle is dropped.
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Writer {
    pub fn start(connection: SqliteConnection, news: mpsc::UnboundedSender<News>) -> Self {
        let (jobs, queue) = mpsc::channel(MAX_QUEUE);
        let (end, ended) = oneshot::channel();
        let tx = Tx { connection, news: Vec::new() };
        tokio::spawn(async move {
            work(tx, queue, news).await;
            let _ = end.send(());
        });
        Self { jobs: Mutex::new(Some(jobs)), ended: Mutex::new(Some(ended)) }
    }

    /// Runs `work` in a transaction, and answers when it is durable. The work is finished even if the caller goes away.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let run: Run = Box::new(move |tx: &mut Tx| -> BoxFuture<'_, (Verdict, Tell)> {
            Box::pin(async move {
                let result = work(tx).await;
                let verdict = match &result {
                    Ok(_) => Verdict::Keep,
                    Err(StoreError::Refused(_)) => Verdict::Undo,
                    Err(StoreError::Failed(_)) => Verdict::Abort,
                };
                let tell: Tell = Box::new(move |durable| {
                    let _ = answer.send(durable.and(result));
                });
                (verdict, tell)
            })
        });
        self.send(Job::Inside(run)).await?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Runs a statement that can't be in a transaction.
    pub async fn outside(&self, sql: String) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Outside(sql, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Finishes what is queued, takes nothing more.
    pub async fn close(&self) {
        self.jobs.lock().await.take();
        if let Some(ended) = self.ended.lock().await.take() {
            let _ = ended.await;
        }
    }

    async fn send(&self, job: Job) -> Result<()> {
        let jobs = self.jobs.lock().await.clone();
        match jobs {
            Some(jobs) => jobs.send(job).await.map_err(|_| stopped()),
            None => Err(stopped()),
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Failed("the writer has stopped".into())
}

async fn work(mut tx: Tx, mut queue: mpsc::Receiver<Job>, news: mpsc::UnboundedSender<News>) {
    while let Some(job) = queue.recv().await {
        match job {
            Job::Inside(run) => {
                batch(&mut tx, run, &mut queue, &news).await;
            }
            Job::Outside(sql, answer) => {
                let result = execute(&mut tx, sql).await;
                let _ = answer.send(result);
            }
        }
    }
    use sqlx::Connection as _;
    let _ = tx.connection.close().await;
}

/// One transaction, from `BEGIN` to the answers.
async fn batch(tx: &mut Tx, first: Run, queue: &mut mpsc::Receiver<Job>, news: &mpsc::UnboundedSender<News>) {
    let mut tells = Vec::new();
    tx.news.clear();
    // A panic in a job is a bug; it must not end the writer for everybody.
    let attempt = AssertUnwindSafe(fill(tx, first, queue, &mut tells)).catch_unwind();
    let (durable, left_over) = match attempt.await {
        Ok(Ok(left_over)) => (Ok(()), left_over),
        Ok(Err(error)) => (Err(error), None),
        Err(_) => (Err(StoreError::Failed("a job panicked".into())), None),
    };
    match durable {
        Ok(()) => {
            for item in tx.news.drain(..) {
                let _ = news.send(item);
            }
            tells.into_iter().for_each(|tell| tell(Ok(())));
        }
        Err(error) => {
            tracing::error!(%error, jobs = tells.len(), "a batch of changes failed");
            // Fails if SQLite has rolled back by itself, as it does on a full disk.
            let _ = raw_sql("ROLLBACK").execute(&mut tx.connection).await;
            for tell in tells {
                tell(Err(StoreError::Failed("the batch failed".into())));
            }
        }
    }
    if let Some((sql, answer)) = left_over {
        let _ = answer.send(execute(tx, sql).await);
    }
}

type LeftOver = Option<(String, oneshot::Sender<Result<()>>)>;

/// Runs jobs until none waits, then commits.
async fn fill(
    tx: &mut Tx,
    first: Run,
    queue: &mut mpsc::Receiver<Job>,
    tells: &mut Vec<Tell>,
) -> Result<LeftOver> {
    let mut left_over = None;
    let mut next = Some(first);
    let mut between = "BEGIN IMMEDIATE; SAVEPOINT job";
    while let Some(run) = next.take() {
        raw_sql(between).execute(&mut tx.connection).await?;
        between = "RELEASE job; SAVEPOINT job";
        let news_before = tx.news.len();
        let (verdict, tell) = run(tx).await;
        tells.push(tell);
        match verdict {
            Verdict::Keep => {}
            Verdict::Undo => {
                tx.news.truncate(news_before);
                raw_sql("ROLLBACK TO job").execute(&mut tx.connection).await?;
            }
            Verdict::Abort => return Err(StoreError::Failed("a job failed".into())),
        }
        if tells.len() < MAX_BATCH {
            match queue.try_recv() {
                Ok(Job::Inside(run)) => next = Some(run),
                Ok(Job::Outside(sql, answer)) => left_over = Some((sql, answer)),
                Err(_) => {}
            }
        }
    }
    raw_sql("RELEASE job; COMMIT").execute(&mut tx.connection).await?;
    Ok(left_over)
}

async fn execute(tx: &mut Tx, sql: String) -> Result<()> {
    raw_sql(AssertSqlSafe(sql)).execute(&mut tx.connection).await?;
    Ok(())
}
