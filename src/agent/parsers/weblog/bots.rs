//! Programs among the clients, known by what they call themselves. They are marked, not left out.

use std::collections::HashMap;

/// Words that user agents of programs have in them, in lower case.
const WORDS: [&str; 12] =
    ["bot", "spider", "crawl", "slurp", "curl/", "wget/", "python-", "java/", "headless", "probe", "monitor", "scan"];

/// User agents that are remembered; there are far fewer in a log than lines.
const REMEMBERED: usize = 4096;

/// Whether a user agent is that of a program.
pub(in crate::agent::parsers) fn is_program(user_agent: &str) -> bool {
    let lower = user_agent.to_ascii_lowercase();
    lower.is_empty() || WORDS.iter().any(|word| lower.contains(word))
}

/// Tells programs from people, and remembers the answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Bots(HashMap<String, bool>);

impl Bots {
    /// Whether a user agent is that of a program; one that is missing is.
    pub(super) fn is_bot(&mut self, user_agent: Option<&str>) -> bool {
        let Some(user_agent) = user_agent else { return true };
        if let Some(known) = self.0.get(user_agent) {
            return *known;
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let is_bot = is_program(user_agent);
        self.0.insert(user_agent.to_owned(), is_bot);
        is_bot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_call_themselves_so() {
        let mut bots = Bots::default();
        let programs =
            ["Googlebot/2.1", "python-requests/0.8.2", "uptime-probe/1.4", "Baiduspider+", "ZmEu \"scan\"", ""];
        for _ in 0..2 {
            assert!(programs.iter().all(|agent| bots.is_bot(Some(agent))));
            assert!(bots.is_bot(None));
            assert!(!bots.is_bot(Some("Opera/9.80 (Windows NT 6.1; U; en-GB) Presto/2.9.168 Version/11.50")));
        }
        for i in 0..2 * REMEMBERED {
            assert!(!bots.is_bot(Some(&format!("person {i}"))));
        }
        assert!(bots.0.len() <= REMEMBERED);
    }
}
