//! Patterns of paths.

use crate::error::{self, Result};

/// Which paths a route is for.
#[derive(Debug)]
pub(super) struct PathPattern {
    components: Vec<Component>,
    /// Anything may follow.
    open: bool,
}

#[derive(Debug)]
enum Component {
    Text(String),
    /// Anything that is not empty; it fills this column.
    Any(Option<usize>),
}

impl PathPattern {
    /// Reads a pattern; `column` gives the number of a column.
    ///
    /// # Errors
    /// Config: it does not begin with a slash, or holds a wildcard where none can be.
    pub(super) fn new(text: &str, column: impl Fn(&str) -> Result<usize>) -> Result<Self> {
        let wrong = |why: &str| error::config(format!("path {text} of a route {why}"));
        let path = text.strip_prefix('/').ok_or_else(|| wrong("does not begin with a slash"))?;
        let mut components: Vec<&str> = path.split('/').collect();
        let open = components.pop_if(|last| *last == "**").is_some();
        let component = |component: &str| {
            let inner = component.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match (component, inner) {
                ("*", _) => Ok(Component::Any(None)),
                (_, Some(name)) => Ok(Component::Any(Some(column(name)?))),
                (text, _) if text.contains(['*', '{', '}']) => {
                    Err(wrong("holds a wildcard in a component with other text")
                        .hint("a component is a text, * or {column}; ** stands at the end only"))
                }
                (text, _) => Ok(Component::Text(text.to_owned())),
            }
        };
        Ok(Self { components: components.into_iter().map(component).collect::<Result<_>>()?, open })
    }

    /// The columns that a path fills and their texts; `None` if the path is not one of these.
    pub(super) fn captures<'a>(&self, path: &'a str) -> Option<Vec<(usize, &'a str)>> {
        if !path.starts_with('/') {
            return None;
        }
        let mut found = path.trim_start_matches('/').split('/');
        let mut captured = Vec::new();
        for component in &self.components {
            match (component, found.next()) {
                (Component::Text(text), Some(there)) if text == there => {}
                (Component::Any(column), Some(there)) if !there.is_empty() => {
                    captured.extend(column.map(|column| (column, there)));
                }
                _ => return None,
            }
        }
        (self.open || found.next().is_none()).then_some(captured)
    }
}
