//! Changes of a group: staged from a job, stored with everything that is sent, and merged when the log has them.
//!
//! A job says how things should be, so it is staged anew, from the group as it is then, whenever another commit won.

use super::{
    claims::{ClaimedDevice, Claims},
    lines::MAX_LINES,
    records::*,
    seen::{CommitData, Ended},
    token::export_token,
};
use crate::{
    Error, Millis,
    identity::{Fingerprint, inbox},
    memory::{Batch, Conversation, Group, Memory},
    mls::{Context, Members, RULES, members::read_leaf, rules, suite},
};
use haven_bridge::{ConversationId, Failure, ItemContent, Line, Preview, TimelineItem};
use haven_wire::{
    group::{AppendCommit, CommitMark, Pointer, StoredWelcome},
    ids::{EpochToken, GroupId, Hash, MessageId, WelcomeId},
};
use openmls::prelude::{tls_codec::Serialize as _, *};

/// What of a job is still to be done.
struct Missing {
    add: Vec<ClaimedDevice>,
    remove: Vec<LeafNodeIndex>,
    context: Option<Context>,
    refresh: bool,
}

/// What came of staging a job.
pub enum Staged {
    /// A commit is pending.
    Pending,
    /// Everything is so already.
    Nothing,
}

impl Memory {
    /// Random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        self.provider.rand().random_array().map_err(|_| Error::Bug("no randomness"))
    }

    /// Takes a job in.
    pub fn add_job(&mut self, batch: &mut Batch, task: Task) -> Result<u64, Error> {
        let id = self.jobs.last_key_value().map_or(1, |(last, _)| last + 1).max(self.network.next_job);
        self.network.next_job = id + 1;
        let job = Job { id, task };
        batch.job(id, Some(&job))?;
        self.jobs.insert(id, job);
        Ok(id)
    }

    /// Forgets a job.
    pub fn end_job(&mut self, batch: &mut Batch, id: u64) -> Result<(), Error> {
        self.jobs.remove(&id);
        self.network.claims.remove(&id);
        self.network.job_retry.remove(&id);
        batch.job(id, None)
    }

    /// A new conversation, whose group is made by the job that comes with it.
    pub fn start_conversation(
        &mut self,
        batch: &mut Batch,
        addresses: Vec<String>,
        title: String,
        now: Millis,
    ) -> Result<ConversationId, Error> {
        let id = ConversationId(self.random()?);
        let details = Details {
            id,
            origin: self.account.origin.clone(),
            group_id: GroupId(self.random()?),
            state: State::Starting,
            title,
            people: addresses.iter().map(|address| self.presumed(address)).collect(),
            people_count: u32::try_from(addresses.len()).unwrap_or(u32::MAX),
            leaves: 1,
            before: None,
        };
        let head = Head {
            cursor: Some(0),
            epoch: 0,
            token: EpochToken([0; 32]),
            rows: 0,
            hashes: Vec::new(),
            opening: None,
            must_update: false,
            updated_keys: now,
            has_sent: false,
            next_order: 0,
            next_line: 0,
            unread: 0,
            updated: now,
            preview: Preview::Empty,
            second_welcome: None,
            complete: now,
            gone: None,
            has_holes: false,
            ended: Ended::since(0),
        };
        let change = Change { conversation: id.0, start: true, add: addresses, ..Change::default() };
        self.add_job(batch, Task::Change(change))?;
        self.conversations.insert(id, Conversation::new(details, head));
        batch.details.insert(id);
        batch.heads.insert(id);
        Ok(id)
    }

    /// What is known of an address before the directory was asked.
    fn presumed(&self, address: &str) -> PersonRecord {
        let known = self.contacts.values().find(|c| c.address == address && c.pinned && !c.replaced);
        let fingerprint = known.map_or(crate::identity::Fingerprint([0; 20]), |contact| contact.fingerprint);
        PersonRecord { fingerprint, address: address.into() }
    }

    /// The addresses whose key packages a job still needs.
    pub fn unclaimed(&self, job: &Job) -> Vec<String> {
        let Task::Change(change) = &job.task else { return Vec::new() };
        let claims = self.network.claims.get(&job.id);
        let group =
            self.conversations.get(&ConversationId(change.conversation)).and_then(|c| c.group.as_ref());
        let inside = |address: &String| {
            group.is_some_and(|group| group.members.iter().any(|(_, claim)| claim.address == *address))
        };
        let claimed = |address: &String| claims.is_some_and(|claims| claims.contains_key(address));
        let mut wanted = change.add.clone();
        if change.start {
            // One's own other devices are in every conversation from its start.
            wanted.push(self.account.address.clone());
        }
        wanted.retain(|address| !claimed(address) && (change.start || !inside(address)));
        wanted
    }

    /// Whether a job still needs these key packages. It may have ended before the answer came.
    pub fn awaits_claim(&self, job: u64, address: &str) -> bool {
        let job = self.jobs.get(&job);
        job.is_some_and(|job| self.unclaimed(job).iter().any(|unclaimed| unclaimed == address))
    }

    /// Stages the commit of a job, and stores it with all that is sent.
    pub fn stage(&mut self, batch: &mut Batch, job_id: u64, now: Millis) -> Result<Staged, Error> {
        let Some(Task::Change(change)) = self.jobs.get(&job_id).map(|job| job.task.clone()) else {
            return Ok(Staged::Nothing);
        };
        let id = ConversationId(change.conversation);
        if change.start {
            self.make_group(id)?;
        }
        let claims = self.network.claims.get(&job_id).cloned().unwrap_or_default();
        let me = self.account.device_id;
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Staged::Nothing) };
        let Some(group) = &mut conversation.group else { return Ok(Staged::Nothing) };
        let mut missing = missing(group, &change, &claims, self.account.fingerprint);
        missing.add.retain(|device| device.claim.device_id != me);
        if !missing.is_any() && !change.start {
            return Ok(Staged::Nothing);
        }
        let message_id =
            MessageId(self.provider.rand().random_array().map_err(|_| Error::Bug("no randomness"))?);
        let data = CommitData { message_id, seen: conversation.head.seen() };
        let (commit, welcome) = commit(&self.provider, &self.keys, group, &missing, &data)?;
        // What the others would refuse must not get into the log, where it would stop the conversation for everybody.
        // The added leaves were verified when they were claimed.
        let staged = group.mls.pending_commit().ok_or(Error::Bug("no commit is pending"))?;
        let committer = group.mls.own_leaf_index();
        rules::check(&group.context, &group.members, committer, staged, read_leaf)?;
        let request =
            request(&self.provider, &conversation.details, group, commit, welcome, &missing, message_id)?;
        if change.start {
            conversation.head.token = group.token(&self.provider)?;
            conversation.head.updated_keys = now;
        }
        let pending = PendingCommit { job: Some(job_id), hash: Hash::of(&request.commit), request };
        batch.pending(id, Some(&pending))?;
        batch.heads.insert(id);
        conversation.pending = Some(pending);
        self.note_in_vault(batch, id)?;
        Ok(Staged::Pending)
    }

    /// Makes the MLS group of a conversation that is being started, with this device alone in it.
    fn make_group(&mut self, id: ConversationId) -> Result<(), Error> {
        let knock_key = self.random()?;
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        if conversation.group.is_some() {
            // It was made for a start that failed.
            return Ok(());
        }
        let context = Context {
            rules: RULES,
            conversation: id.0,
            origin: conversation.details.origin.clone(),
            title: conversation.details.title.clone(),
            admins: vec![self.account.fingerprint],
            knock_key,
            predecessor: None,
        };
        let config = suite::create_config(context.write()?, self.keys.leaf_extensions()?)?;
        let group_id = openmls::group::GroupId::from_slice(conversation.details.group_id.as_bytes());
        let credential = self.keys.credential(&self.account);
        let mls =
            MlsGroup::new_with_group_id(&self.provider, &self.keys.signer, &config, group_id, credential);
        let mls = mls.map_err(|_| Error::Bug("a group can't be made"))?;
        conversation.group = Some(Group { members: Members::verify_all(&mls)?, mls, context });
        Ok(())
    }

    /// Gives a change up, and says why.
    pub fn fail_change(
        &mut self,
        batch: &mut Batch,
        job_id: u64,
        failure: &Failure,
        now: Millis,
    ) -> Result<(), Error> {
        let Some(Task::Change(change)) = self.jobs.get(&job_id).map(|job| job.task.clone()) else {
            return Ok(());
        };
        self.end_job(batch, job_id)?;
        let id = ConversationId(change.conversation);
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        // Another job's commit may be under way, or in the log already: it stays.
        let pending = conversation.pending.take_if(|pending| pending.job == Some(job_id));
        if let (Some(_), Some(group)) = (pending, &mut conversation.group) {
            batch.pending(id, None)?;
            let cleared = group.mls.clear_pending_commit(self.provider.storage());
            cleared.map_err(Error::from)?;
        }
        if change.start {
            conversation.details.state = State::StartFailed(failure.clone());
            batch.details.insert(id);
            return Ok(());
        }
        let removes = !change.remove.is_empty() || !change.remove_devices.is_empty();
        if change.title.is_some() || removes {
            conversation.add_line(batch, Line::NotChanged { why: failure.clone() }, now)?;
        }
        for address in change.add {
            conversation.add_line(batch, Line::NotAdded { address, why: failure.clone() }, now)?;
        }
        Ok(())
    }
}

impl Conversation {
    /// Adds a line that comes from no row.
    pub fn add_line(&mut self, batch: &mut Batch, line: Line, now: Millis) -> Result<(), Error> {
        let row = self.head.cursor.unwrap_or_default();
        let position = row_position(row, MAX_LINES | (self.head.next_line & (MAX_LINES - 1)));
        self.head.next_line = self.head.next_line.wrapping_add(1);
        self.head.updated = now;
        if self.head.opening.is_none() {
            // Until the first row is met, the preview keeps the line that belongs to it.
            self.head.preview = Preview::Line(line.clone());
        }
        let id = line_id(self.details.group_id, position);
        batch.heads.insert(self.details.id);
        batch
            .item(self.details.id, TimelineItem { id, position, time: now, content: ItemContent::Line(line) })
    }
}

impl Missing {
    fn is_any(&self) -> bool {
        !self.add.is_empty() || !self.remove.is_empty() || self.context.is_some() || self.refresh
    }
}

fn missing(group: &Group, change: &Change, claims: &Claims, own: Fingerprint) -> Missing {
    // Whatever was claimed: nobody is added whom the change doesn't name. At the start one's own other devices are.
    let named = claims.iter().filter(|(address, _)| change.start || change.add.contains(address));
    let devices = named.flat_map(|(_, person)| &person.devices);
    let add = devices.filter(|device| !group.members.has_device(device.claim.device_id)).cloned().collect();
    let leaves = change.remove.iter().flat_map(|person| group.members.leaves_of(*person));
    let gone = group.members.leaves_of_devices(own, &change.remove_devices);
    let me = group.mls.own_leaf_index();
    let remove = leaves.chain(gone).map(LeafNodeIndex::new).filter(|leaf| *leaf != me).collect();
    let renamed = change.title.as_ref().filter(|title| **title != group.context.title);
    let context = renamed.map(|title| Context { title: title.clone(), ..group.context.clone() });
    Missing { add, remove, context, refresh: change.refresh }
}

/// Makes commit and Welcome.
fn commit(
    provider: &crate::mls::Provider,
    keys: &DeviceKeys,
    group: &mut Group,
    missing: &Missing,
    data: &CommitData,
) -> Result<(Vec<u8>, Option<Vec<u8>>), Error> {
    let failed = |_| Error::Bug("a commit can't be made");
    group.mls.set_aad(data.encode());
    let mut builder = group
        .mls
        .commit_builder()
        .propose_removals(missing.remove.iter().copied())
        .propose_adds(missing.add.iter().map(|device| device.key_package.clone()))
        .force_self_update(missing.refresh);
    if let Some(context) = &missing.context {
        builder = builder
            .propose_group_context_extensions(context.write()?)
            .map_err(|_| Error::Bug("a title can't be proposed"))?;
    }
    let bundle = builder
        .load_psks(provider.storage())
        .map_err(|_| Error::Bug("a commit has no keys"))?
        .create_group_info(false)
        .build(provider.rand(), provider.crypto(), &keys.signer, |_| true)
        .map_err(|_| Error::Bug("a commit can't be built"))?
        .stage_commit(provider)
        .map_err(|_| Error::Bug("a commit can't be staged"))?;
    let (commit, welcome, _) = bundle.into_messages();
    let commit = commit.tls_serialize_detached().map_err(failed)?;
    let welcome = welcome.map(|welcome| welcome.tls_serialize_detached().map_err(failed)).transpose()?;
    Ok((commit, welcome))
}

/// Everything that the relay takes whole or not at all.
fn request(
    provider: &crate::mls::Provider,
    details: &Details,
    group: &Group,
    commit: Vec<u8>,
    welcome: Option<Vec<u8>>,
    missing: &Missing,
    message_id: MessageId,
) -> Result<AppendCommit, Error> {
    let staged = group.mls.pending_commit().ok_or(Error::Bug("no commit is pending"))?;
    let token =
        export_token(|label, length| staged.export_secret(provider.crypto(), label, &[], length).ok())?;
    let mark = CommitMark { next_token_hash: token.hash(), barrier: !missing.remove.is_empty() };
    let id = WelcomeId(provider.rand().random_array().map_err(|_| Error::Bug("no randomness"))?);
    let join = Join {
        origin: details.origin.clone(),
        group_id: details.group_id,
        welcome: id,
        commit: Hash::of(&commit),
    };
    let pointer = haven_wire::encode(&join)?;
    let seal = |device: &ClaimedDevice| {
        let sealed = inbox::seal_to_inbox(&device.inbox_key, &pointer)?;
        Ok(Pointer { inbox: device.claim.device_id, sealed })
    };
    let pointers = missing.add.iter().map(seal).collect::<Result<Vec<_>, Error>>()?;
    Ok(AppendCommit {
        group_id: details.group_id,
        epoch: group.mls.epoch().as_u64(),
        message_id,
        commit,
        mark,
        welcome: welcome.map(|welcome| StoredWelcome { id, welcome }),
        pointers,
    })
}
