//! Another version in the place of the one that runs: what is not in it is ended, what does not run yet is begun. Where that
//! fails, the one before is brought back.

use std::pin::pin;
use std::time::Duration;

use futures::stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{Running, Supervisor, Version, Versions};
use crate::agent::monitor::{MonitorOptions, Server};
use crate::agent::reach::Start;
use crate::agent::servers::Servers;
use crate::error::{Error, Result};
use crate::retry::Retry;

/// How long it is tried to begin what a new file says, before it is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Says what is wrong.
fn told(e: &Error) {
    tracing::error!("{e}{}", e.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default());
}

impl Supervisor<'_> {
    /// Reads the file again, and does what it says.
    pub(super) async fn reload(&mut self, versions: &mut dyn Versions, why: &str) {
        tracing::info!("the agent's file is read again, as {why} asks for it");
        let next = match versions.read() {
            Ok(next) => next,
            Err(wrong) => {
                wrong.iter().for_each(told);
                return self.refused("the agent's file is wrong");
            }
        };
        // What can be had without ending anything comes first.
        let stop = self.stop;
        let servers = self.beside(next.open(true, stop)).await;
        if !self.is_steady() {
            return;
        }
        let servers = match servers {
            Ok(servers) => servers,
            Err(e) => {
                told(&e);
                return self.refused("the servers of the agent's file cannot be had");
            }
        };
        let changed = match self.change(&*next, servers, PATIENCE).await {
            Ok(changed) => changed,
            Err(_) if !self.is_steady() => return,
            Err(e) => {
                told(&e);
                // What ran before runs again, however long its servers are away.
                if let Err(e) = self.bring_back().await {
                    if self.is_steady() {
                        self.failure = Some(e);
                        self.units.iter().for_each(|unit| unit.stop.end());
                    }
                    return;
                }
                return self.refused("what the agent's file says cannot be run");
            }
        };
        self.version = next;
        self.monitor.reloaded(true);
        match changed {
            (0, 0) => tracing::info!("none of the agent's parts has changed"),
            (ended, begun) => tracing::info!("it is in force: {ended} of the agent's parts ended, {begun} begun"),
        }
    }

    /// Begins what the version in force says and does not run.
    async fn bring_back(&mut self) -> Result<()> {
        let (before, stop) = (self.version.clone(), self.stop);
        let retry = Retry::for_time(Duration::MAX);
        let servers = self.beside(retry.run(stop, || before.open(true, stop))).await?;
        self.change(&*before, servers, Duration::MAX).await.map(drop)
    }

    fn refused(&self, why: &str) {
        self.monitor.reloaded(false);
        tracing::warn!("{why}: the agent runs on as before");
    }

    /// Ends the units that are not in a version, and begins those of it that do not run; says how many.
    ///
    /// # Errors
    /// Of the version, of a port, and of the first unit that cannot be begun for so long. The units that
    /// were begun are ended again.
    async fn change(&mut self, version: &dyn Version, servers: Servers, patience: Duration) -> Result<(usize, usize)> {
        let mut pauses = Retry::for_time(patience).pauses();
        let stop = self.stop;
        let file = version.file()?;
        self.serve(self.how.monitored(file.monitor.as_ref())?).await?;
        let wanted: Vec<String> =
            self.units_of(version, version.file()?).into_iter().map(|unit| unit.definition).collect();
        let ended = self.leave(|unit| !wanted.contains(&unit.definition)).await;
        self.monitor.forget_all_but(&file.graph);
        loop {
            // A unit that failed meanwhile has ended all others.
            if !self.is_steady() {
                return Err(self.stop.error());
            }
            let mut begun = Vec::new();
            for unit in self.units_of(version, version.file()?) {
                let runs = |known: &Running| !known.is_leaving && known.definition == unit.definition;
                if !self.units.iter().any(runs) {
                    self.monitor.expect(&unit.graph);
                    let opened = self.begin(unit, servers.clone(), Start::AtOnce);
                    begun.push((self.units.len() - 1, opened));
                }
            }
            let Err(e) = self.opened(&begun).await else { return Ok((ended, begun.len())) };
            self.leave_these(&begun.iter().map(|(number, _)| *number).collect::<Vec<_>>()).await;
            if !self.is_steady() {
                return Err(e);
            }
            self.beside(stop.or(pauses.after(e))).await?;
        }
    }

    /// Waits for something while the units run on.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = work.as_mut() => return done,
                Some(end) = self.running.next(), if !self.running.is_empty() => self.ended(end),
            }
        }
    }

    /// Waits until units are open.
    ///
    /// # Errors
    /// Of the first that ends before.
    async fn opened(&mut self, begun: &[(usize, CancellationToken)]) -> Result<()> {
        for (_, opened) in begun {
            while !opened.is_cancelled() {
                tokio::select! {
                    () = opened.cancelled() => {}
                    Some((number, done)) = self.running.next() => match done {
                        Err(e) if begun.iter().any(|(own, _)| *own == number) => {
                            if let Some(unit) = self.units.get_mut(number) {
                                unit.has_ended = true;
                            }
                            return Err(e);
                        }
                        done => self.ended((number, done)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the units that are such, and waits for it; says how many.
    async fn leave(&mut self, is_one: impl Fn(&Running) -> bool) -> usize {
        let such = |(_, unit): &(usize, &Running)| !unit.is_leaving && is_one(unit);
        let numbers: Vec<usize> = self.units.iter().enumerate().filter(such).map(|(number, _)| number).collect();
        self.leave_these(&numbers).await;
        numbers.len()
    }

    async fn leave_these(&mut self, numbers: &[usize]) {
        for number in numbers {
            if let Some(unit) = self.units.get_mut(*number) {
                unit.is_leaving = true;
                unit.stop.end();
            }
        }
        while numbers.iter().any(|number| self.units.get(*number).is_some_and(|unit| !unit.has_ended)) {
            let Some(end) = self.running.next().await else { break };
            self.ended(end);
        }
        let left = numbers.iter().filter_map(|number| self.units.get(*number));
        for (channel, _) in left.flat_map(|unit| &unit.sinks) {
            self.monitor.channel(channel).closed();
        }
    }

    /// Serves the metrics there, if it is not done already.
    async fn serve(&mut self, wanted: Option<MonitorOptions>) -> Result<()> {
        if self.server.as_ref().map(|(options, _)| options) == wanted.as_ref() {
            return Ok(());
        }
        // The new port may be the old one.
        let before = match self.server.take() {
            Some((options, server)) => {
                server.stop().await;
                Some(options)
            }
            None => None,
        };
        let start = |options: MonitorOptions| {
            let server = Server::start(options.clone(), &self.monitor)?;
            Ok::<_, Error>((options, server))
        };
        match wanted.map(start).transpose() {
            Ok(server) => {
                self.server = server;
                Ok(())
            }
            Err(e) => {
                self.server = before.map(start).transpose()?;
                Err(e)
            }
        }
    }
}
