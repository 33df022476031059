//! How a world goes on: devices call the relay and work, one after the other.

use super::{Who, World};
use crate::{
    mailbox,
    network::POLL,
    request::{Outgoing, Rejection, Reply, RequestId},
    work::Work,
};

/// Calls that [`World::settle`] makes before it gives up: something goes round in circles then.
const PATIENCE: usize = 20_000;

impl World {
    /// Lets every device talk to the relay, and poll it, until nothing more is stored anywhere.
    pub async fn settle(&mut self) {
        loop {
            let before: u64 = self.devices.iter().map(|device| device.store.commits()).sum();
            self.talk().await;
            self.now += POLL;
            self.talk().await;
            if before == self.devices.iter().map(|device| device.store.commits()).sum::<u64>() {
                return;
            }
        }
    }

    /// The same with mailboxes, which are looked at once a minute where nobody pushes hints: what comes back after the
    /// first look, like the report of a delivery, is seen at the second.
    pub async fn settle_mail(&mut self) {
        for _ in 0..2 {
            self.settle().await;
            self.now += mailbox::POLL + 1_000;
        }
        self.settle().await;
    }

    /// Lets every device talk to the relay until nobody has anything to say for now.
    pub async fn talk(&mut self) {
        for _ in 0..PATIENCE {
            let mut quiet = true;
            for who in (0..self.devices.len()).map(Who) {
                quiet &= !self.step(who).await;
            }
            if quiet {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// One round of a device: everything that it has to send. False: nothing.
    pub async fn step(&mut self, who: Who) -> bool {
        let now = self.clock(who);
        let outgoing = self.engine(who).outgoing(now).await;
        let crashed = self.devices[who.0].store.crashed();
        let Ok(pending) = outgoing else {
            assert!(crashed, "outgoing failed: {:?}", outgoing.err());
            self.after_verb(who).await;
            return true;
        };
        let any = !pending.requests.is_empty() || !pending.work.is_empty();
        for (id, work) in pending.work {
            self.work(who, id, work).await;
        }
        for request in pending.requests {
            self.exchange(who, request).await;
        }
        any
    }

    /// Does work and tells the engine what came out.
    async fn work(&mut self, who: Who, id: RequestId, work: Work) {
        let now = self.clock(who);
        let outcome = self.engine(who).worked(id, Some(work.run()), now).await;
        let crashed = self.devices[who.0].store.crashed();
        match outcome {
            Ok(events) => self.devices[who.0].told.extend(events),
            Err(error) => assert!(crashed, "work failed: {error:?}"),
        }
        self.after_verb(who).await;
    }

    /// Makes one call and tells the engine what came of it. An engine that was restarted meanwhile does not know of
    /// it any more.
    pub async fn exchange(&mut self, who: Who, request: Outgoing) {
        let answer = self.call(who, &request).await;
        let now = self.clock(who);
        let engine = self.engine(who);
        let outcome = match answer {
            Ok(reply) => engine.confirm(request.id, reply, now).await,
            Err(rejection) => engine.reject(request.id, rejection, now).await,
        };
        let crashed = self.devices[who.0].store.crashed();
        match outcome {
            Ok(events) => self.devices[who.0].told.extend(events),
            Err(error) => assert!(crashed, "{:?} failed: {error:?}", request.request),
        }
        self.after_verb(who).await;
    }

    /// Makes one call.
    pub async fn call(&self, who: Who, request: &Outgoing) -> Result<Reply, Rejection> {
        self.relay.set_time(self.now);
        request.send(&self.connection(who)).await
    }
}
