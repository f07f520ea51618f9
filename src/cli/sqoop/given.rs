//! The options that were typed, by name; and which of them were not looked at yet, so that none is lost in silence.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::catalogue::Opt;
use super::tool::Tool;
use crate::error::{self, Result};

/// Typed options of one tool.
#[derive(Debug)]
pub(super) struct Given {
    /// The tool.
    pub tool: Tool,
    /// Options in the order typed, with their values.
    pub options: Vec<(&'static Opt, Option<String>)>,
    /// What stands after a bare `--`.
    pub rest: Vec<String>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl Given {
    /// Takes what was typed.
    pub(super) fn new(tool: Tool, options: Vec<(&'static Opt, Option<String>)>, rest: Vec<String>) -> Self {
        Self { tool, options, rest, asked: RefCell::default() }
    }

    fn find(&self, name: &str) -> Option<&(&'static Opt, Option<String>)> {
        let found = self.options.iter().find(|(opt, _)| opt.name == name)?;
        self.asked.borrow_mut().insert(found.0.name);
        Some(found)
    }

    /// Whether an option was typed, for checks: this does not count as looking at it.
    pub(super) fn is_typed(&self, name: &str) -> bool {
        self.options.iter().any(|(opt, _)| opt.name == name)
    }

    /// Whether an option was typed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of an option.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.1.as_deref()
    }

    /// The value of an option, owned.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// The items of a comma list, trimmed; empty where the option was not typed.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// The value of an option as a number.
    ///
    /// # Errors
    /// Usage: it is not a number, or too small.
    pub(super) fn number(&self, name: &str, least: u64) -> Result<Option<u64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.trim().parse::<u64>() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => Err(error::usage(format!("--{name} {text} is not a whole number from {least} on"))
                .hint("give a whole number")),
        }
    }

    /// Fails if a mapped option was typed and never looked at.
    ///
    /// # Errors
    /// Bug: there is one.
    pub(super) fn all_asked(&self) -> Result<()> {
        let asked = self.asked.borrow();
        let lost = |opt: &Opt| opt.does == super::catalogue::Does::Mapped && !asked.contains(opt.name);
        match self.options.iter().find(|(opt, _)| lost(opt)) {
            None => Ok(()),
            Some((opt, _)) => Err(error::bug(format!("option {} was not looked at", opt.typed()))),
        }
    }
}
