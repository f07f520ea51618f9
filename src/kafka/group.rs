//! One member of a consumer group: it joins, is given partitions, and keeps the group's offsets.
//!
//! Rebalances are eager: a member gives all of its partitions back before it joins again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::assign::{self, Assigned, Assignor, Wants};
use super::client::Client;
use super::fault;
use super::options::LIMIT;
use super::wire::Request;
use crate::error::{self, Result};

/// Pause before a coordinator is looked for again, or a group is joined again.
const PAUSE: Duration = Duration::from_millis(300);
/// The kind of group.
const CONSUMER: &str = "consumer";

/// What a member is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupOptions {
    pub id: String,
    /// Its name over restarts: the group waits for one that is gone, instead of giving its partitions to others.
    pub instance: Option<String>,
    /// In the order of preference.
    pub assignors: Vec<Assignor>,
    /// How long a member may be silent.
    pub session: Duration,
    /// How long the members may take to join again.
    pub rebalance: Duration,
    pub heartbeat: Duration,
}

/// An offset of the group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Committed {
    pub offset: i64,
    /// What its committer noted beside it.
    pub note: String,
}

/// An offset to commit: the next one to be read.
pub(crate) type Offset = (String, i32, i64);

/// A member.
#[derive(Debug)]
pub(crate) struct Member {
    options: GroupOptions,
    coordinator: Option<i32>,
    id: StrBytes,
    generation: i32,
}

/// How a step of joining ended.
enum Joined {
    Done(Assigned),
    Again,
}

impl Member {
    pub(crate) fn new(options: GroupOptions) -> Self {
        Self { options, coordinator: None, id: StrBytes::new(), generation: -1 }
    }

    fn group(&self) -> GroupId {
        GroupId(StrBytes::from_string(self.options.id.clone()))
    }

    fn instance(&self) -> Option<StrBytes> {
        self.options.instance.clone().map(StrBytes::from_string)
    }

    fn what(&self, act: &str) -> String {
        format!("consumer group {}: {act}", self.options.id)
    }

    /// Asks for the broker that keeps the group.
    ///
    /// # Errors
    /// Auth: the group is not for this user. Those of the connection.
    pub(crate) fn coordinator(&mut self, client: &mut Client) -> Result<i32> {
        if let Some(coordinator) = self.coordinator {
            return Ok(coordinator);
        }
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_string(self.options.id.clone()));
        let answer = client.any(&request)?;
        if answer.error_code != 0 {
            return Err(fault::of(answer.error_code, self.what("find its coordinator")));
        }
        client.note(answer.node_id.0, &answer.host, answer.port);
        self.coordinator = Some(answer.node_id.0);
        Ok(answer.node_id.0)
    }

    /// Looks for the coordinator again the next time, as with another client.
    pub(crate) fn lose_coordinator(&mut self) {
        self.coordinator = None;
    }

    /// Asks the coordinator; one that does not answer is looked for again the next time.
    fn ask<R: Request>(&mut self, client: &mut Client, request: &R, limit: Duration) -> Result<R::Response> {
        let coordinator = self.coordinator(client)?;
        let done = client.at(coordinator, request, limit);
        if done.is_err() {
            self.coordinator = None;
        }
        done
    }

    /// What a code means for the membership: the error, where it is one for good.
    fn settle(&mut self, code: i16, act: &str) -> Result<()> {
        match code {
            0 | fault::REBALANCE_IN_PROGRESS => {}
            fault::UNKNOWN_MEMBER_ID => self.id = StrBytes::new(),
            fault::ILLEGAL_GENERATION => self.generation = -1,
            code if fault::is_retriable(code) => self.coordinator = None,
            code => return Err(fault::of(code, self.what(act))),
        }
        Ok(())
    }

    /// Joins the group, or joins it again; waits until all members have, and gives the partitions that are this one's.
    ///
    /// # Errors
    /// Auth, Config, Exists: the coordinator declines the member. Those of the connection. Busy: whoever waits is to end.
    pub(crate) fn join(&mut self, client: &mut Client, topics: &BTreeSet<String>) -> Result<Assigned> {
        loop {
            match self.try_join(client, topics)? {
                Joined::Done(assigned) => return Ok(assigned),
                Joined::Again if client.pause(PAUSE) => {}
                Joined::Again => return Err(error::busy("the agent ends")),
            }
        }
    }

    fn try_join(&mut self, client: &mut Client, topics: &BTreeSet<String>) -> Result<Joined> {
        let subscription = assign::subscription(topics)?;
        let protocol = |assignor: &Assignor| {
            let name = StrBytes::from_static_str(assignor.name());
            JoinGroupRequestProtocol::default().with_name(name).with_metadata(subscription.clone())
        };
        let request = JoinGroupRequest::default()
            .with_group_id(self.group())
            .with_session_timeout_ms(ms(self.options.session))
            .with_rebalance_timeout_ms(ms(self.options.rebalance))
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance())
            .with_protocol_type(StrBytes::from_static_str(CONSUMER))
            .with_protocols(self.options.assignors.iter().map(protocol).collect());
        let joined = self.ask(client, &request, self.options.rebalance + LIMIT)?;
        if joined.error_code == fault::MEMBER_ID_REQUIRED {
            self.id = joined.member_id;
            return self.try_join(client, topics);
        }
        if joined.error_code != 0 {
            self.settle(joined.error_code, "join it")?;
            return Ok(Joined::Again);
        }
        self.id = joined.member_id.clone();
        self.generation = joined.generation_id;
        let assignments = if joined.leader == joined.member_id { self.share_out(client, &joined)? } else { Vec::new() };
        let request = SyncGroupRequest::default()
            .with_group_id(self.group())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance())
            .with_protocol_type(Some(StrBytes::from_static_str(CONSUMER)))
            .with_protocol_name(joined.protocol_name.clone())
            .with_assignments(assignments);
        let told = self.ask(client, &request, self.options.rebalance + LIMIT)?;
        if told.error_code != 0 {
            self.settle(told.error_code, "get its partitions")?;
            return Ok(Joined::Again);
        }
        assign::assigned(told.assignment).map(Joined::Done)
    }

    /// Shares out the partitions among the members, as the one that leads.
    fn share_out(&self, client: &mut Client, joined: &JoinGroupResponse) -> Result<Vec<SyncGroupRequestAssignment>> {
        let name = joined.protocol_name.as_deref().unwrap_or_default();
        let assignor = Assignor::of(name).ok_or_else(|| {
            error::config(self.what(&format!("its members agree on {name}, which is not here")))
                .hint("set assignors as the other members have it, or give another group-id")
        })?;
        let wants = |member: &kafka_protocol::messages::join_group_response::JoinGroupResponseMember| {
            Ok(Wants {
                id: member.member_id.to_string(),
                instance: member.group_instance_id.as_ref().map(|instance| instance.to_string()),
                topics: assign::wanted(member.metadata.clone())?,
            })
        };
        let members: Vec<Wants> = joined.members.iter().map(wants).collect::<Result<_>>()?;
        let all: BTreeSet<String> = members.iter().flat_map(|member| member.topics.iter().cloned()).collect();
        let found = client.topics(Some(&all), false)?;
        let count = |leaders: &BTreeMap<i32, i32>| i32::try_from(leaders.len()).unwrap_or(i32::MAX);
        let partitions = found.known.iter().map(|(name, topic)| (name.clone(), count(&topic.leaders))).collect();
        let one = |(id, assigned): (String, Assigned)| {
            let assignment = assign::assignment(&assigned)?;
            Ok(SyncGroupRequestAssignment::default()
                .with_member_id(StrBytes::from_string(id))
                .with_assignment(assignment))
        };
        assignor.assign(&members, &partitions).into_iter().map(one).collect()
    }

    /// The group's offsets of partitions; those that have one.
    ///
    /// # Errors
    /// Auth: they are not for this user. Busy: the coordinator asks to come back. Those of the connection.
    pub(crate) fn committed(
        &mut self,
        client: &mut Client,
        of: &Assigned,
    ) -> Result<BTreeMap<(String, i32), Committed>> {
        let topic = |(topic, partitions): (&str, Vec<i32>)| {
            OffsetFetchRequestTopic::default().with_name(named(topic)).with_partition_indexes(partitions)
        };
        let topics = by_topic(of.iter().map(|(topic, partition)| (topic.as_str(), *partition)));
        let request = OffsetFetchRequest::default()
            .with_group_id(self.group())
            .with_topics(Some(topics.into_iter().map(topic).collect()));
        let answer = self.ask(client, &request, LIMIT)?;
        let wrong = |code: i16, me: &mut Self| {
            if fault::is_retriable(code) {
                me.coordinator = None;
            }
            fault::of(code, me.what("read its offsets"))
        };
        if answer.error_code != 0 {
            return Err(wrong(answer.error_code, self));
        }
        let mut found = BTreeMap::new();
        for topic in answer.topics {
            for one in topic.partitions {
                if one.error_code != 0 {
                    return Err(wrong(one.error_code, self));
                }
                if one.committed_offset >= 0 {
                    let note = one.metadata.map(|note| note.to_string()).unwrap_or_default();
                    let committed = Committed { offset: one.committed_offset, note };
                    found.insert((topic.name.0.to_string(), one.partition_index), committed);
                }
            }
        }
        Ok(found)
    }

    /// Makes these the group's offsets. Says whether they are: a member that the group has gone on without cannot.
    ///
    /// # Errors
    /// Auth: they are not for this user. Those of the connection.
    pub(crate) fn commit(&mut self, client: &mut Client, offsets: &[Offset], note: &str) -> Result<bool> {
        let at: BTreeMap<(&str, i32), i64> =
            offsets.iter().map(|(topic, one, at)| ((topic.as_str(), *one), *at)).collect();
        let partition = |topic: &str, one: i32| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(one)
                .with_committed_offset(at.get(&(topic, one)).copied().unwrap_or(-1))
                .with_committed_metadata(Some(StrBytes::from_string(note.to_owned())))
        };
        let topics = by_topic(offsets.iter().map(|(topic, one, _)| (topic.as_str(), *one)));
        let topic = |(topic, partitions): (&str, Vec<i32>)| {
            let partitions = partitions.into_iter().map(|one| partition(topic, one)).collect();
            OffsetCommitRequestTopic::default().with_name(named(topic)).with_partitions(partitions)
        };
        let request = OffsetCommitRequest::default()
            .with_group_id(self.group())
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance())
            .with_topics(topics.into_iter().map(topic).collect());
        let answer = self.ask(client, &request, LIMIT)?;
        let codes = answer.topics.iter().flat_map(|topic| topic.partitions.iter().map(|one| one.error_code));
        let mut is_done = true;
        for code in codes.filter(|code| *code != 0) {
            is_done = false;
            self.settle(code, "commit its offsets")?;
        }
        Ok(is_done)
    }

    /// Leaves the group, so that others get the partitions at once. A static member stays in it until its session is over.
    pub(crate) fn leave(&mut self, client: &mut Client) {
        if self.id.is_empty() || self.options.instance.is_some() {
            return;
        }
        let request = LeaveGroupRequest::default().with_group_id(self.group()).with_member_id(self.id.clone());
        if let Err(e) = self.ask(client, &request, Duration::from_secs(2)) {
            tracing::debug!("{}: {e}", self.what("leave it"));
        }
        self.id = StrBytes::new();
    }

    /// What says that the member is there.
    pub(super) fn heartbeat(&self) -> HeartbeatRequest {
        HeartbeatRequest::default()
            .with_group_id(self.group())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance())
    }

    /// The same member, for another thread that speaks for it.
    pub(super) fn twin(&self) -> Self {
        Self { options: self.options.clone(), coordinator: None, id: self.id.clone(), generation: self.generation }
    }

    pub(super) fn options(&self) -> &GroupOptions {
        &self.options
    }

    /// Says that the member is there; gives the code of the answer.
    pub(super) fn beat(&mut self, client: &mut Client) -> Result<i16> {
        let code = self.ask(client, &self.heartbeat(), LIMIT)?.error_code;
        if code == fault::NOT_COORDINATOR || fault::is_retriable(code) {
            self.coordinator = None;
        }
        Ok(code)
    }
}

fn ms(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

fn named(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn by_topic<'a>(all: impl Iterator<Item = (&'a str, i32)>) -> BTreeMap<&'a str, Vec<i32>> {
    let mut found: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    all.for_each(|(topic, partition)| found.entry(topic).or_default().push(partition));
    found
}
