//! A relay in memory: the rules of the real one for groups, inboxes, key packages and the directory, and faults on
//! demand.

mod accounts;
mod groups;

use self::{accounts::Pool, groups::Log};
use super::mail::Mailboxes;
use crate::{
    Millis,
    request::{Caller, Rejection},
};
use haven_wire::{
    Authorisation, Call, Refusal,
    account::{Done, GetVault, PutVault, RevokeDevice, SignOut, Vault},
    group::*,
    ids::*,
    inbox::*,
    keys::*,
    mail::*,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The call does not arrive.
    LoseRequest,
    /// The call is carried out, but its answer is lost.
    LoseReply,
}

/// What a relay answers, before it is handed out.
#[derive(Debug)]
pub enum Answer {
    /// To messages.
    Appended(Appended),
    /// To a claim of key packages.
    Claimed(ClaimedKeyPackages),
    /// To a question for heads.
    Heads(Heads),
    /// The inbox.
    Inbox(Inbox),
    /// Rows.
    Rows(Rows),
    /// The vault.
    Vault(Vault),
    /// A Welcome.
    Welcome(WelcomeReply),
}

/// What a relay that lies does to an answer to a device.
pub type Tamper = Box<dyn Fn(DeviceId, &mut Answer)>;

/// How long the relay keeps a Welcome.
const WELCOMES: Millis = 30 * DAY;
const DAY: Millis = 24 * 60 * 60 * 1000;

#[derive(Clone, Default)]
struct Inner {
    now: Millis,
    /// Groups that nothing is taken for any more.
    read_only: BTreeMap<GroupId, Refusal>,
    groups: BTreeMap<GroupId, Log>,
    welcomes: BTreeMap<WelcomeId, (Vec<u8>, Millis)>,
    inboxes: BTreeMap<DeviceId, (u64, Vec<InboxEntry>)>,
    entries: BTreeMap<String, DirectoryEntry>,
    devices: BTreeMap<String, Vec<DeviceId>>,
    pools: BTreeMap<DeviceId, Pool>,
    vaults: BTreeMap<String, Vault>,
    mail: Mailboxes,
    faults: VecDeque<Fault>,
    faults_at: BTreeMap<u64, Fault>,
    calls: u64,
    calls_of: BTreeMap<String, u64>,
    offline: BTreeSet<DeviceId>,
    signed_out: BTreeSet<DeviceId>,
    /// The ciphertexts that came for a message in an epoch, taken or not.
    seen: BTreeMap<(GroupId, u64, MessageId), BTreeSet<Hash>>,
}

/// The relay. Shared by all devices of a test.
#[derive(Default)]
pub struct TestRelay {
    inner: RefCell<Inner>,
    tamper: RefCell<Option<Tamper>>,
}

/// A device's connection to the relay.
pub struct Connection<'a> {
    /// The relay.
    pub relay: &'a TestRelay,
    /// Who calls.
    pub device: DeviceId,
    /// Under which address.
    pub address: &'a str,
}

impl Caller for Connection<'_> {
    async fn call<C: Call>(
        &self,
        _: &str,
        call: &C,
        token: Option<EpochToken>,
    ) -> Result<C::Reply, Rejection> {
        let body = haven_wire::encode(call).expect("a call");
        let fault = self.relay.inner.borrow_mut().next_fault();
        if fault == Some(Fault::LoseRequest) || self.relay.inner.borrow().offline.contains(&self.device) {
            return Err(Rejection::Unreachable);
        }
        let ended = self.relay.inner.borrow().signed_out.contains(&self.device);
        let reply = match C::AUTHORISATION {
            Authorisation::Session if ended => Err(Refusal::NotSignedIn),
            _ => self.relay.dispatch(C::PATH, &body, token, self),
        };
        if fault == Some(Fault::LoseReply) {
            return Err(Rejection::Unreachable);
        }
        reply.map(|bytes| haven_wire::decode(&bytes).expect("a reply")).map_err(Rejection::Refused)
    }
}

fn reply<T: serde::Serialize>(value: Result<T, Refusal>) -> Result<Vec<u8>, Refusal> {
    value.map(|value| haven_wire::encode(&value).expect("a reply"))
}

fn read<C: Call>(body: &[u8]) -> C {
    haven_wire::decode(body).expect("a call")
}

impl TestRelay {
    /// Makes a person known, with a first device.
    pub fn register(&self, address: &str, entry: DirectoryEntry, device: DeviceId) {
        let mut inner = self.inner.borrow_mut();
        inner.entries.insert(address.into(), entry);
        inner.devices.entry(address.into()).or_default().push(device);
        inner.inboxes.entry(device).or_default();
    }

    /// Adds key packages of a device whose engine does not run.
    pub fn publish_for(&self, device: DeviceId, key_packages: PublishKeyPackages) {
        self.inner.borrow_mut().publish(key_packages, device);
    }

    /// It is this time now. What is too old goes, as with the real one.
    pub fn set_time(&self, now: Millis) {
        let mut inner = self.inner.borrow_mut();
        inner.now = now;
        inner.welcomes.retain(|_, (_, time)| *time + WELCOMES >= now);
        inner.groups.values_mut().for_each(|log| log.sweep(now));
    }

    /// The next calls go wrong like this, in order.
    pub fn break_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner.borrow_mut().faults.extend(faults);
    }

    /// The call of this number, counted from 0 since the relay was made, goes wrong.
    pub fn break_at(&self, call: u64, fault: Fault) {
        self.inner.borrow_mut().faults_at.insert(call, fault);
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.inner.borrow().calls
    }

    /// Calls of one kind that arrived so far.
    pub fn calls_of<C: Call>(&self) -> u64 {
        self.inner.borrow().calls_of.get(C::PATH).copied().unwrap_or_default()
    }

    /// A relay of its own with the same contents, and without faults.
    pub fn copy(&self) -> Self {
        let mut inner = self.inner.borrow().clone();
        inner.faults.clear();
        inner.faults_at.clear();
        inner.calls = 0;
        Self { inner: RefCell::new(inner), tamper: RefCell::default() }
    }

    /// Messages that came in two encryptions for one epoch: each of them used up a key, and one in vain.
    pub fn encrypted_twice(&self) -> usize {
        self.inner.borrow().seen.values().filter(|hashes| hashes.len() > 1).count()
    }

    /// Cuts a device off, or connects it again.
    pub fn set_offline(&self, device: DeviceId, offline: bool) {
        let mut inner = self.inner.borrow_mut();
        if offline {
            inner.offline.insert(device)
        } else {
            inner.offline.remove(&device)
        };
    }

    /// From now on answers are changed like this.
    pub fn set_tamper(&self, tamper: impl Fn(DeviceId, &mut Answer) + 'static) {
        *self.tamper.borrow_mut() = Some(Box::new(tamper));
    }

    /// From now on the relay is honest.
    pub fn be_honest(&self) {
        *self.tamper.borrow_mut() = None;
    }

    fn answer(&self, to: DeviceId, mut answer: Answer) -> Answer {
        if let Some(tamper) = &*self.tamper.borrow() {
            tamper(to, &mut answer);
        }
        answer
    }

    /// Puts a pointer into an inbox, and a Welcome that it may be for.
    pub fn put(&self, device: DeviceId, sealed: Vec<u8>, id: WelcomeId, welcome: Vec<u8>) {
        let mut inner = self.inner.borrow_mut();
        let now = inner.now;
        inner.welcomes.insert(id, (welcome, now));
        let (last, entries) = inner.inboxes.entry(device).or_default();
        *last += 1;
        entries.push(InboxEntry { sequence: *last, sealed });
    }

    /// The relay loses a group.
    pub fn lose(&self, group: GroupId) {
        self.inner.borrow_mut().groups.remove(&group);
    }

    /// From now on the relay refuses so what is to be written to a group.
    pub fn make_read_only(&self, group: GroupId, refusal: Refusal) {
        self.inner.borrow_mut().read_only.insert(group, refusal);
    }

    /// How many entries are in an inbox.
    pub fn in_inbox(&self, device: DeviceId) -> usize {
        self.inner.borrow().inboxes.get(&device).map_or(0, |(_, entries)| entries.len())
    }

    /// How many one-time key packages of a device are left, and whether its last resort is unused.
    pub fn left(&self, device: DeviceId) -> (u32, bool) {
        let count = self.inner.borrow().count(device);
        (count.one_time, count.last_resort_fresh)
    }

    /// Changes the rows that the relay holds.
    pub fn change_rows(&self, change: impl FnOnce(&mut Vec<Row>)) {
        let mut inner = self.inner.borrow_mut();
        change(&mut inner.groups.values_mut().next().expect("a group").rows);
    }

    /// What the directory says of somebody.
    pub fn entry(&self, address: &str) -> Option<DirectoryEntry> {
        self.inner.borrow().entries.get(address).cloned()
    }

    /// Replaces what the directory says of somebody.
    pub fn set_entry(&self, address: &str, entry: DirectoryEntry) {
        self.inner.borrow_mut().entries.insert(address.into(), entry);
    }

    /// A mail from outside arrives.
    pub fn mail_arrives(&self, address: &str, message: &[u8]) {
        let mut inner = self.inner.borrow_mut();
        let certificate = inner.entries.get(address).expect("a person").certificate.clone();
        inner.mail.arrive(address, &certificate, message);
    }

    /// Mail for somebody is turned away because of their certificate.
    pub fn refuse_mail(&self, address: &str, day: u64) {
        self.inner.borrow_mut().mail.refuse(address, day);
    }

    /// Mails to other domains: recipient and message.
    pub fn mail_outside(&self) -> Vec<(String, Vec<u8>)> {
        self.inner.borrow().mail.outside.clone()
    }

    /// Whether a place where certificates of other domains may be doesn't answer.
    pub fn silence_key_sources(&self, silent: bool) {
        self.inner.borrow_mut().mail.silent = silent;
    }

    /// From now on a certificate is found for an address of another domain.
    pub fn publish_by_wkd(&self, address: &str, certificate: Vec<u8>) {
        self.inner.borrow_mut().mail.wkd.insert(address.into(), certificate);
    }

    /// The vault of somebody.
    pub fn vault(&self, address: &str) -> Option<Vault> {
        self.inner.borrow().vaults.get(address).cloned()
    }

    /// Replaces somebody's vault.
    pub fn set_vault(&self, address: &str, vault: Vault) {
        self.inner.borrow_mut().vaults.insert(address.into(), vault);
    }

    /// Gives one device's key packages out as another's.
    pub fn swap_pools(&self, one: DeviceId, other: DeviceId) {
        let mut inner = self.inner.borrow_mut();
        let (a, b) =
            (inner.pools.remove(&one).unwrap_or_default(), inner.pools.remove(&other).unwrap_or_default());
        inner.pools.insert(one, b);
        inner.pools.insert(other, a);
    }

    /// All rows of the only group.
    pub fn rows(&self) -> Vec<Row> {
        self.inner.borrow().groups.values().next().map(|log| log.rows.clone()).unwrap_or_default()
    }

    /// All rows of all groups.
    pub fn all_rows(&self) -> Vec<(GroupId, Row)> {
        let inner = self.inner.borrow();
        let rows = inner.groups.iter().flat_map(|(id, log)| log.rows.iter().map(|row| (*id, row.clone())));
        rows.collect()
    }

    /// The groups.
    pub fn groups(&self) -> Vec<GroupId> {
        self.inner.borrow().groups.keys().copied().collect()
    }

    /// Everything that the relay holds, as bytes: to look for what it must not know.
    pub fn everything(&self) -> Vec<u8> {
        let inner = self.inner.borrow();
        let mut bytes = Vec::new();
        for log in inner.groups.values() {
            log.rows.iter().for_each(|row| bytes.extend_from_slice(&row.ciphertext));
        }
        inner.welcomes.values().for_each(|(welcome, _)| bytes.extend_from_slice(welcome));
        inner
            .inboxes
            .values()
            .flat_map(|(_, all)| all)
            .for_each(|entry| bytes.extend_from_slice(&entry.sealed));
        bytes
    }

    fn dispatch(
        &self,
        path: &str,
        body: &[u8],
        token: Option<EpochToken>,
        from: &Connection,
    ) -> Result<Vec<u8>, Refusal> {
        let mut inner = self.inner.borrow_mut();
        *inner.calls_of.entry(path.into()).or_default() += 1;
        match path {
            AppendCommit::PATH => reply(inner.append_commit(read(body), token)),
            AppendMessages::PATH => {
                let appended = inner.append_messages(read(body), token)?;
                match self.answer(from.device, Answer::Appended(appended)) {
                    Answer::Appended(appended) => reply(Ok(appended)),
                    other => panic!("{other:?}"),
                }
            }
            GetRows::PATH => {
                let rows = inner.rows(read(body), token)?;
                match self.answer(from.device, Answer::Rows(rows)) {
                    Answer::Rows(rows) => reply(Ok(rows)),
                    other => panic!("{other:?}"),
                }
            }
            GetHeads::PATH => match self.answer(from.device, Answer::Heads(inner.heads(read(body)))) {
                Answer::Heads(heads) => reply(Ok(heads)),
                other => panic!("{other:?}"),
            },
            GetWelcome::PATH => {
                let wanted: GetWelcome = read(body);
                let (welcome, _) = inner.welcomes.get(&wanted.id).cloned().ok_or(Refusal::NotFound)?;
                match self.answer(from.device, Answer::Welcome(WelcomeReply { welcome })) {
                    Answer::Welcome(welcome) => reply(Ok(welcome)),
                    other => panic!("{other:?}"),
                }
            }
            GetInbox::PATH => {
                let entries =
                    inner.inboxes.entry(from.device).or_default().1.iter().take(100).cloned().collect();
                match self.answer(from.device, Answer::Inbox(Inbox { entries })) {
                    Answer::Inbox(inbox) => reply(Ok(inbox)),
                    other => panic!("{other:?}"),
                }
            }
            AcknowledgeInbox::PATH => {
                let read_to: AcknowledgeInbox = read(body);
                inner
                    .inboxes
                    .entry(from.device)
                    .or_default()
                    .1
                    .retain(|entry| entry.sequence > read_to.up_to);
                reply(Ok(Done {}))
            }
            ClaimKeyPackages::PATH => {
                match self.answer(from.device, Answer::Claimed(inner.claim(read(body))?)) {
                    Answer::Claimed(claimed) => reply(Ok(claimed)),
                    other => panic!("{other:?}"),
                }
            }
            CountKeyPackages::PATH => reply(Ok(inner.count(from.device))),
            PublishKeyPackages::PATH => reply(Ok(inner.publish(read(body), from.device))),
            PutVault::PATH => {
                let put: PutVault = read(body);
                reply(inner.put_vault(put.vault, from.address))
            }
            GetVault::PATH => {
                let vault = inner.vaults.get(from.address).cloned().ok_or(Refusal::NotFound)?;
                match self.answer(from.device, Answer::Vault(vault)) {
                    Answer::Vault(vault) => reply(Ok(vault)),
                    other => panic!("{other:?}"),
                }
            }
            Lookup::PATH => {
                let wanted: Lookup = read(body);
                reply(inner.entries.get(&wanted.address).cloned().ok_or(Refusal::NotFound))
            }
            PutDeviceList::PATH => {
                let put: PutDeviceList = read(body);
                reply(inner.put_device_list(put.device_list, from.address))
            }
            SignOut::PATH => {
                let call: SignOut = read(body);
                reply(inner.remove_device(from.device, call.device_list, from.address))
            }
            RevokeDevice::PATH => {
                let call: RevokeDevice = read(body);
                reply(inner.remove_device(call.device_id, call.device_list, from.address))
            }
            PutCertificate::PATH => reply(inner.put_certificate(read(body), from.address)),
            GetMailbox::PATH => reply(Ok(inner.mail.read(from.address, &read(body)))),
            GetMail::PATH => reply(inner.mail.body(from.address, &read(body))),
            PutNotes::PATH => reply(Ok(inner.mail.put_notes(from.address, read(body)))),
            DeleteMail::PATH => reply(Ok(inner.mail.delete(from.address, &read(body)))),
            MailInfo::PATH => reply(Ok(MailInfoReply { sends: true, receives: true })),
            SubmitMail::PATH => {
                let Inner { mail, entries, .. } = &mut *inner;
                reply(mail.submit(from.address, read(body), entries))
            }
            WithdrawMail::PATH => reply(Ok(inner.mail.withdraw(from.address, read(body)))),
            FindCertificates::PATH => {
                let wanted: FindCertificates = read(body);
                reply(Ok(inner.mail.find(&wanted.address, &inner.entries)))
            }
            other => panic!("the relay of the tests knows no {other}"),
        }
    }
}

impl Inner {
    fn next_fault(&mut self) -> Option<Fault> {
        let number = self.calls;
        self.calls += 1;
        self.faults_at.remove(&number).or_else(|| self.faults.pop_front())
    }
}
