//! The member of the group: which partitions are its own, where each begins, and their records into the channels.

mod begin;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::Events;
use super::position::{self, At, Known, Partition};
use super::{KafkaOptions, Subscription};
use crate::agent::event::Event;
use crate::agent::outlet::{Origin, Outlet};
use crate::agent::sources::SourceReport;
use crate::error::{self, Error, Kind, Result};
use crate::kafka::{Alive, Beat, Client, Member, Outcome, Record, Topics, Verdict, Wanted};
use crate::telemetry::summary::counted;

/// The first pause after an error that will pass, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a source that drains waits for brokers that are away.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
/// How often topics are looked for that are not there yet, or whose leader is away.
const SOON: Duration = Duration::from_secs(2);

pub(super) struct Reader {
    options: KafkaOptions,
    drain: bool,
    known: Known,
    outlet: Arc<Outlet>,
    client: Client,
    member: Member,
    beat: Option<Beat>,
    topics: Topics,
    looked: Instant,
    /// Leaders are to be asked for before more is read.
    is_stale: bool,
    /// The topics that were joined for, with the number of their partitions.
    joined: BTreeMap<String, usize>,
    joined_at: Instant,
    own: BTreeMap<Partition, Reading>,
    committed: BTreeMap<Partition, i64>,
    commit_at: Instant,
    lost: u64,
    /// What was warned of, so that it is said once.
    said: BTreeSet<String>,
}

/// A partition that is read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: At,
    /// The end of what can be read, as it was told last.
    end: i64,
    /// Where a source that drains ends with it.
    until: Option<i64>,
}

/// What a round gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// The outlet takes no more.
    Closed,
    /// All is read that a source which drains reads.
    Drained,
    More,
    /// The member has to join again.
    Rejoin,
}

impl Reader {
    /// # Errors
    /// Those of [`Client::new`].
    pub(super) fn new(options: KafkaOptions, drain: bool, known: Known, outlet: Arc<Outlet>) -> Result<Self> {
        let client = Client::new(options.servers.clone(), alive(&outlet))?;
        let member = Member::new(options.group.clone());
        Ok(Self {
            options,
            drain,
            known,
            outlet,
            client,
            member,
            beat: None,
            topics: Topics::default(),
            looked: Instant::now(),
            is_stale: false,
            joined: BTreeMap::new(),
            joined_at: Instant::now(),
            own: BTreeMap::new(),
            committed: BTreeMap::new(),
            commit_at: Instant::now(),
            lost: 0,
            said: BTreeSet::new(),
        })
    }

    /// Reads until the outlet takes no more, or, where it drains, to the ends that the partitions had.
    ///
    /// # Errors
    /// What does not pass: Auth, Config, Data. Of a source that drains also what does not pass soon.
    pub(super) fn run(mut self) -> Result<SourceReport> {
        let (mut pause, mut failing_since) = (FIRST_PAUSE, None);
        let ended = loop {
            match self.go_on() {
                Ok(Round::Closed | Round::Drained) => break Ok(()),
                Ok(Round::More) => (pause, failing_since) = (FIRST_PAUSE, None),
                Ok(Round::Rejoin) => {
                    self.give_back();
                    self.beat = None;
                }
                Err(_) if !self.outlet.is_open() => break Ok(()),
                Err(e) if e.is_transient() => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if self.drain && since.elapsed() > DRAIN_PATIENCE {
                        break Err(e);
                    }
                    self.say(&e);
                    self.is_stale = true;
                    if !self.outlet.pause(pause) {
                        break Ok(());
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(e) => break Err(e),
            }
        };
        self.end();
        ended.map(|()| SourceReport { notes: self.notes(), ..SourceReport::default() })
    }

    fn notes(&self) -> Vec<String> {
        let lost = (self.lost > 0)
            .then(|| format!("{} were gone from kafka before they were read", counted(self.lost, "record", "records")));
        lost.into_iter().collect()
    }

    /// Says an error that will pass, each once until all goes well again.
    fn say(&mut self, e: &Error) {
        if self.said.insert(e.to_string()) {
            tracing::warn!("{e}; trying again");
        } else {
            tracing::debug!("{e}; trying again");
        }
    }

    /// Joins where that is needed, and reads once.
    fn go_on(&mut self) -> Result<Round> {
        if self.beat.is_none() && !self.join()? {
            return Ok(if self.outlet.pause(SOON) { Round::More } else { Round::Closed });
        }
        match self.beat.as_ref().map(Beat::verdict) {
            Some(Verdict::Failed(e)) => return Err(e),
            Some(Verdict::Rejoin) => return Ok(Round::Rejoin),
            _ => {}
        }
        let every = if self.topics.wrong.is_empty() { self.options.refresh } else { SOON };
        if self.is_stale || self.looked.elapsed() > every {
            let before = self.joined.clone();
            self.look()?;
            if self.joined != before || self.is_anew() {
                tracing::info!("consumer group {}: its topics have changed", self.options.group.id);
                return Ok(Round::Rejoin);
            }
        }
        self.read()
    }

    /// Asks which topics there are, and for their leaders.
    fn look(&mut self) -> Result<()> {
        let all = match &self.options.subscription {
            Subscription::Names(names) => self.client.topics(Some(names), false)?,
            Subscription::Matching(regex) => {
                let mut all = self.client.topics(None, false)?;
                all.known.retain(|name, topic| !topic.is_internal && regex.is_match(name));
                all.wrong.retain(|name, _| regex.is_match(name));
                all
            }
        };
        for name in all.wrong.keys() {
            match all.error(name) {
                Some(e) if !e.is_transient() => return Err(e),
                Some(e) if self.drain => {
                    return Err(Error::new(Kind::NotFound, e.to_string()).hint("make the topic, or check its name"));
                }
                Some(e) => self.say(&e),
                None => {}
            }
        }
        self.joined = all.known.iter().map(|(name, topic)| (name.clone(), topic.leaders.len())).collect();
        self.topics = all;
        (self.looked, self.is_stale) = (Instant::now(), false);
        Ok(())
    }

    /// Whether a topic that is read was deleted and made again.
    fn is_anew(&self) -> bool {
        let now = |topic: &str| self.topics.known.get(topic)?.id;
        self.own.iter().any(|((topic, _), one)| now(topic).zip(one.at.topic_id).is_some_and(|(now, then)| now != then))
    }

    /// Joins the group, and finds where its partitions begin; says whether there is any topic.
    fn join(&mut self) -> Result<bool> {
        self.look()?;
        if self.joined.is_empty() {
            if self.drain {
                return Err(error::not_found("no topic is there to be read").hint("check topics, or topics-regex"));
            }
            return Ok(false);
        }
        let names = self.joined.keys().cloned().collect();
        let assigned = self.member.join(&mut self.client, &names)?;
        self.joined_at = Instant::now();
        self.beat = Some(Beat::start(&self.options.servers, &self.member, alive(&self.outlet))?);
        let group = &self.options.group.id;
        tracing::info!(
            "consumer group {group}: this member reads {}",
            counted(assigned.len() as u64, "partition", "partitions")
        );
        if let Err(e) = self.begin(&assigned) {
            // Its partitions have no beginning yet: it joins again.
            self.beat = None;
            self.own.clear();
            return Err(e);
        }
        self.said.clear();
        Ok(true)
    }

    /// Reads once from all partitions.
    fn read(&mut self) -> Result<Round> {
        let is_read = self.drain && self.own.values().all(|one| one.until.is_none_or(|until| one.at.offset >= until));
        if is_read && self.has_its_share() {
            return Ok(Round::Drained);
        }
        if self.own.is_empty() || is_read {
            self.follow(false)?;
            return Ok(if self.outlet.pause(self.options.limits.wait) { Round::More } else { Round::Closed });
        }
        let wanted: Vec<Wanted> = self.wanted();
        let outcomes = self.client.fetch(&wanted, &self.topics, &self.options.limits)?;
        let (mut is_idle, mut moved) = (true, None);
        for (one, outcome) in outcomes {
            let partition = (one.topic, one.partition);
            match outcome {
                Outcome::Records { records, next, end } => {
                    is_idle &= records.is_empty();
                    if !self.put(&partition, records, next, end)? {
                        return Ok(Round::Closed);
                    }
                }
                Outcome::OutOfRange => self.out_of_range(&partition, one.offset)?,
                Outcome::Moved(e) => moved = Some(e),
                Outcome::Failed(e) => return Err(e),
            }
        }
        self.tell_lag();
        self.follow(is_idle)?;
        match moved {
            // The others go on; the leaders are asked for again.
            Some(e) => {
                self.say(&e);
                self.is_stale = true;
                if self.outlet.pause(FIRST_PAUSE) { Ok(Round::More) } else { Ok(Round::Closed) }
            }
            None => Ok(if self.outlet.is_open() { Round::More } else { Round::Closed }),
        }
    }

    /// Whether no more partitions will come to this member. One that was killed keeps its own until its session is over;
    /// what members have that are alive for longer is theirs to read.
    fn has_its_share(&self) -> bool {
        let all: usize = self.joined.values().sum();
        self.own.len() >= all || self.joined_at.elapsed() > self.options.group.session
    }

    /// What is read next; each time another partition is the first, which a broker fills before the others.
    fn wanted(&self) -> Vec<Wanted> {
        let all = self.own.iter().filter(|(_, one)| one.until.is_none_or(|until| one.at.offset < until));
        let wanted = |((topic, partition), one): (&Partition, &Reading)| Wanted {
            topic: topic.clone(),
            partition: *partition,
            offset: one.at.offset,
        };
        let mut all: Vec<Wanted> = all.map(wanted).collect();
        let turn = self.outlet.meter().received.batches.get() as usize;
        let length = all.len().max(1);
        all.rotate_left(turn % length);
        all
    }

    /// Puts the records of a partition, and that `next` is next; says whether the outlet still takes.
    fn put(&mut self, partition: &Partition, records: Vec<Record>, next: i64, end: i64) -> Result<bool> {
        let Some(mut reading) = self.own.get(partition).copied() else { return Ok(true) };
        reading.end = end;
        let key = position::key(partition);
        let mut rest = records.into_iter().peekable();
        while rest.peek().is_some() {
            let events = Events::new(&self.options.events, partition);
            let (mut batch, mut offsets): (Vec<Event>, Vec<u64>) = (Vec::new(), Vec::new());
            for record in rest.by_ref().take(self.options.batch_size) {
                reading.at.offset = record.offset + 1;
                offsets.push(u64::try_from(record.offset).unwrap_or(0));
                batch.push(events.event(record)?);
            }
            if rest.peek().is_none() {
                reading.at.offset = reading.at.offset.max(next);
            }
            let entries = BTreeMap::from([(key.clone(), position::entry(reading.at)?)]);
            let origin = self.outlet.wants_origin().then(|| Origin { key: key.clone(), offsets });
            if !self.outlet.put(batch, entries, origin)? {
                return Ok(false);
            }
            self.known.at.insert(partition.clone(), reading.at);
            self.own.insert(partition.clone(), reading);
        }
        if reading.at.offset < next {
            // Only marks, or records of transactions that were aborted.
            reading.at.offset = next;
            let entries = BTreeMap::from([(key, position::entry(reading.at)?)]);
            if !self.outlet.put(Vec::new(), entries, None)? {
                return Ok(false);
            }
            self.known.at.insert(partition.clone(), reading.at);
        }
        self.own.insert(partition.clone(), reading);
        Ok(true)
    }

    /// How many records wait in the partitions of this member.
    fn tell_lag(&self) {
        let lag = |one: &Reading| u64::try_from(one.end.saturating_sub(one.at.offset)).unwrap_or(0);
        self.outlet.meter().lag.set(self.own.values().map(lag).sum());
    }

    /// Lets the group's offsets follow what the channels keep: now and then, and at once where nothing comes.
    fn follow(&mut self, is_idle: bool) -> Result<()> {
        if is_idle || self.commit_at.elapsed() >= self.options.commit {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.commit_at = Instant::now();
        let Some(kept) = self.outlet.durable()? else { return Ok(()) };
        let is_new = |(partition, offset): &(Partition, i64)| {
            self.own.contains_key(partition) && self.committed.get(partition) != Some(offset)
        };
        let moved: Vec<(Partition, i64)> = position::offsets(&kept).filter(is_new).collect();
        if moved.is_empty() {
            return Ok(());
        }
        let offsets: Vec<_> = moved.iter().map(|((topic, one), offset)| (topic.clone(), *one, *offset)).collect();
        if self.member.commit(&mut self.client, &offsets, &self.known.reader.to_string())? {
            self.committed.extend(moved);
        }
        Ok(())
    }

    /// Gives the partitions back: what the channels keep of them is committed, for whoever gets them.
    fn give_back(&mut self) {
        if let Err(e) = self.commit() {
            tracing::warn!("consumer group {}: its offsets could not follow: {e}", self.options.group.id);
        }
        self.own.clear();
        self.outlet.meter().lag.set(0);
    }

    /// Commits and leaves, where the brokers answer.
    fn end(&mut self) {
        self.beat = None;
        let closing = Instant::now();
        let alive: Alive = Arc::new(move || closing.elapsed() < Duration::from_secs(2));
        match Client::new(self.options.servers.clone(), alive) {
            Ok(client) if !self.own.is_empty() || self.drain => {
                self.client = client;
                self.member.lose_coordinator();
                self.give_back();
                self.member.leave(&mut self.client);
            }
            _ => {}
        }
    }
}

fn alive(outlet: &Arc<Outlet>) -> Alive {
    let outlet = Arc::downgrade(outlet);
    Arc::new(move || outlet.upgrade().is_some_and(|outlet| outlet.is_open()))
}
