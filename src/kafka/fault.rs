//! What the codes of Kafka's answers mean: the kind of error, and the remedy.

use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};

use crate::error::{self, Error, Kind};

/// The answer of a member that has to join its group again.
pub(super) const ILLEGAL_GENERATION: i16 = 22;
pub(super) const UNKNOWN_MEMBER_ID: i16 = 25;
pub(super) const REBALANCE_IN_PROGRESS: i16 = 27;
/// A member is told its number, and has to come back with it.
pub(super) const MEMBER_ID_REQUIRED: i16 = 79;
pub(super) const OFFSET_OUT_OF_RANGE: i16 = 1;
/// A batch that the broker has already, of a producer that sent it again.
pub(super) const DUPLICATE_SEQUENCE_NUMBER: i16 = 46;
pub(super) const NOT_COORDINATOR: i16 = 16;

/// Whether the same is worth another try with what the brokers say of their leaders now.
pub(super) fn is_retriable(code: i16) -> bool {
    code.err().is_some_and(|error| error.is_retriable() || error == ResponseError::UnknownTopicId)
}

/// The same error once more, for another of those that it concerns.
pub(super) fn again(e: &Error) -> Error {
    let again = Error::new(e.kind(), e.to_string());
    match e.remedy() {
        Some(remedy) => again.hint(remedy),
        None => again,
    }
}

/// The error of a code that is not 0; `what` names the object and the attempted act.
pub(super) fn of(code: i16, what: impl Into<String>) -> Error {
    use ResponseError as E;
    let Some(found) = code.err() else { return error::bug(format!("{}: kafka reports no error", what.into())) };
    let (kind, remedy) = match found {
        E::SaslAuthenticationFailed | E::IllegalSaslState => {
            (Kind::Auth, "check mechanism, user and password in sasl, and the listener that this port is")
        }
        E::UnsupportedSaslMechanism => (Kind::Auth, "name a mechanism that the listener has: sasl.enabled.mechanisms"),
        E::TopicAuthorizationFailed => {
            (Kind::Auth, "grant this user Read and Describe, or Write, on the topic: kafka-acls.sh")
        }
        E::GroupAuthorizationFailed => (Kind::Auth, "grant this user Read on the group: kafka-acls.sh"),
        E::ClusterAuthorizationFailed => {
            (Kind::Auth, "grant this user IdempotentWrite on the cluster, or set idempotence = false")
        }
        E::FencedInstanceId => {
            (Kind::Exists, "another member has the same instance-id: give each agent one of its own")
        }
        E::InconsistentGroupProtocol => (
            Kind::Config,
            "the group's other members assign in another way: set assignors as they have it, or another group-id",
        ),
        E::InvalidSessionTimeout => {
            (Kind::Config, "let session-timeout lie within group.min and group.max.session.timeout.ms of the brokers")
        }
        E::InvalidGroupId => (Kind::Config, "give another group-id"),
        E::GroupMaxSizeReached => (Kind::Refused, "the brokers let no more members into the group: group.max.size"),
        E::InvalidTopicException => {
            (Kind::Config, "names of topics are made of letters, digits, points, underscores and hyphens")
        }
        E::UnknownTopicOrPartition | E::UnknownTopicId => {
            (Kind::Busy, "check the topic's name, make the topic, or let this user Describe it")
        }
        E::MessageTooLarge | E::RecordListTooLarge => {
            (Kind::Data, "raise max.message.bytes of the topic, or lower batch-bytes")
        }
        E::InvalidRequiredAcks => (Kind::Config, "give acks as all, 1 or 0"),
        E::NotEnoughReplicas | E::NotEnoughReplicasAfterAppend => {
            (Kind::Busy, "too few replicas are in sync: bring the brokers back, or see min.insync.replicas")
        }
        E::CorruptMessage => (Kind::Data, "the broker's disk or the way to it is damaged: look at its log"),
        E::UnsupportedVersion => (Kind::Refused, "the brokers are too old or too new for this request"),
        E::InvalidRecord => (Kind::Data, "the topic declines such records: a compacted topic wants a key"),
        other if other.is_retriable() => {
            (Kind::Busy, "the brokers are busy with themselves: look at their logs if it lasts")
        }
        _ => (Kind::Refused, "look at the broker's log"),
    };
    Error::new(kind, what).source(format!("kafka says {found:?} ({code})")).hint(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_kind_and_their_remedy() {
        // 56 and 89: a broker's disk fails, a quota is used up.
        let kinds = [
            (58, Kind::Auth),
            (29, Kind::Auth),
            (6, Kind::Busy),
            (10, Kind::Data),
            (56, Kind::Busy),
            (82, Kind::Exists),
            (89, Kind::Busy),
        ];
        for (code, kind) in kinds {
            let error = of(code, "fetch clicks");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.remedy().is_some() && error.to_string().contains(&format!("({code})")), "{error}");
        }
        assert!(is_retriable(6) && is_retriable(3) && !is_retriable(29) && !is_retriable(0));
    }
}
