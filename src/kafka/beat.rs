//! The beat of a member: a thread says that it is there, also while the member waits for room in its channel.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::client::{Alive, Client};
use super::fault;
use super::group::Member;
use super::options::KafkaServers;
use crate::error::{self, Error, Result};

/// How long a beat that failed rests.
const REST: Duration = Duration::from_secs(1);

/// What the coordinator said last.
#[derive(Debug, Default)]
pub(crate) enum Verdict {
    #[default]
    Fine,
    /// The member has to join again.
    Rejoin,
    /// The member cannot go on.
    Failed(Error),
}

/// Beats until it is dropped.
#[derive(Debug)]
pub(crate) struct Beat {
    verdict: Arc<Mutex<Verdict>>,
    stop: Arc<AtomicBool>,
}

impl Beat {
    /// Begins to beat for a member that has joined, on a connection of its own.
    ///
    /// # Errors
    /// Those of [`Client::new`]. Bug: the system gives no thread.
    pub(crate) fn start(servers: &Arc<KafkaServers>, member: &Member, alive: Alive) -> Result<Self> {
        let (verdict, stop) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let alive: Alive = Arc::new(move || !stopped.load(Ordering::Relaxed) && alive());
        let (client, member) = (Client::new(servers.clone(), alive)?, member.twin());
        let said = verdict.clone();
        let beating =
            std::thread::Builder::new().name("kafka-beat".to_owned()).spawn(move || beat(client, member, &said));
        beating.map_err(|e| error::busy("the system gives no thread for the beat of a consumer").source(e))?;
        Ok(Self { verdict, stop })
    }

    /// What the coordinator said last.
    pub(crate) fn verdict(&self) -> Verdict {
        std::mem::take(&mut *self.verdict.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn beat(mut client: Client, mut member: Member, said: &Mutex<Verdict>) {
    let say = |verdict| *said.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
    let every = member.options().heartbeat;
    while client.pause(every) {
        match member.beat(&mut client) {
            Ok(0) => {}
            // The next join settles the rest.
            Ok(fault::REBALANCE_IN_PROGRESS | fault::UNKNOWN_MEMBER_ID | fault::ILLEGAL_GENERATION) => {
                say(Verdict::Rejoin);
                return;
            }
            Ok(code) if fault::is_retriable(code) => {}
            Ok(code) => {
                let what = format!("consumer group {}: say that the member is there", member.options().id);
                say(Verdict::Failed(fault::of(code, what)));
                return;
            }
            Err(e) if e.is_transient() => {
                tracing::debug!("beat of consumer group {}: {e}", member.options().id);
                client.pause(REST);
            }
            Err(e) => {
                say(Verdict::Failed(e));
                return;
            }
        }
    }
}
