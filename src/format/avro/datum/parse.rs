//! A schema of Avro as JSON, taken apart into its types. It refuses what Java's parser refuses, for then Java could not
//! read the files: names that are not there or there twice, unions in unions or with two branches of one type.
//!
//! Source: Apache Avro specification 1.11, "Schema Declaration".

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem::discriminant;

use serde_json::{Map, Value};

use super::Node;

/// The types of a schema, and the place of the whole among them.
pub(super) fn parse(text: &str) -> Result<(Vec<Node>, usize), String> {
    let json: Value = serde_json::from_str(text).map_err(|e| format!("it is not JSON ({e})"))?;
    let mut parser = Parser::default();
    let root = parser.schema(&json, "")?;
    Ok((parser.nodes, root))
}

#[derive(Default)]
struct Parser {
    nodes: Vec<Node>,
    /// Records, enums and fixed by their full names.
    named: HashMap<String, usize>,
}

type Object = Map<String, Value>;

impl Parser {
    fn schema(&mut self, json: &Value, space: &str) -> Result<usize, String> {
        match json {
            Value::String(name) => self.by_name(name, space),
            Value::Array(branches) => self.union(branches, space),
            Value::Object(object) => self.object(object, space),
            other => Err(format!("{other} is not a type")),
        }
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn by_name(&mut self, name: &str, space: &str) -> Result<usize, String> {
        if let Some(node) = primitive(name) {
            return Ok(self.push(node));
        }
        let known = self.named.get(&full(name, space)).or_else(|| self.named.get(name));
        known.copied().ok_or_else(|| format!("the type {name:?} is not defined"))
    }

    fn object(&mut self, object: &Object, space: &str) -> Result<usize, String> {
        match text(object, "type", "a type")? {
            "array" => {
                let items = self.schema(member(object, "items", "an array")?, space)?;
                Ok(self.push(Node::Array(items)))
            }
            "map" => {
                let values = self.schema(member(object, "values", "a map")?, space)?;
                Ok(self.push(Node::Map(values)))
            }
            "fixed" => {
                let size = member(object, "size", "a fixed")?;
                let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or("the size of a fixed is not a number of bytes")?;
                self.define(object, space, Node::Fixed(size)).map(|(place, _)| place)
            }
            "enum" => {
                let symbols = list(object, "symbols", "an enum")?;
                let unique: BTreeSet<&str> = symbols.iter().filter_map(Value::as_str).collect();
                if unique.len() != symbols.len() || !unique.iter().all(|symbol| is_name(symbol)) {
                    return Err("the symbols of an enum are not names, or not each once".to_owned());
                }
                self.define(object, space, Node::Enum(symbols.len())).map(|(place, _)| place)
            }
            "record" | "error" => self.record(object, space),
            name => self.by_name(name, space),
        }
    }

    fn record(&mut self, object: &Object, space: &str) -> Result<usize, String> {
        let fields = list(object, "fields", "a record")?;
        // Its fields may be of its own type.
        let (place, space) = self.define(object, space, Node::Record(Vec::new()))?;
        let (mut names, mut types) = (BTreeSet::new(), Vec::with_capacity(fields.len()));
        for field in fields {
            let field = field.as_object().ok_or("a field of a record is not an object")?;
            let name = text(field, "name", "a field")?;
            if !is_name(name) || !names.insert(name) {
                return Err(format!("the field {name:?} has no name of avro, or that of another field"));
            }
            types.push(self.schema(member(field, "type", "a field")?, &space)?);
        }
        self.nodes[place] = Node::Record(types);
        Ok(place)
    }

    fn union(&mut self, branches: &[Value], space: &str) -> Result<usize, String> {
        let mut places: Vec<usize> = Vec::with_capacity(branches.len());
        let mut types = HashSet::new();
        for branch in branches {
            let place = self.schema(branch, space)?;
            let node = &self.nodes[place];
            if matches!(node, Node::Union(_)) {
                return Err("a union is a branch of a union".to_owned());
            }
            // Of those with names there may be several.
            let is_named = matches!(node, Node::Record(_) | Node::Enum(_) | Node::Fixed(_));
            if !types.insert((discriminant(node), is_named.then_some(place))) {
                return Err("two branches of a union are of one type".to_owned());
            }
            places.push(place);
        }
        Ok(self.push(Node::Union(places)))
    }

    /// Keeps a type under its name; its place, and the namespace of what is in it.
    fn define(&mut self, object: &Object, space: &str, node: Node) -> Result<(usize, String), String> {
        let name = text(object, "name", "a record, an enum or a fixed")?;
        let own = object.get("namespace").and_then(Value::as_str).unwrap_or(space);
        let full = full(name, own);
        if !full.split('.').all(is_name) || primitive(&full).is_some() {
            return Err(format!("{full:?} is not a name of avro"));
        }
        let space = full.rsplit_once('.').map_or("", |(space, _)| space).to_owned();
        let place = self.push(node);
        match self.named.insert(full, place) {
            None => Ok((place, space)),
            Some(_) => Err(format!("the type {name:?} is defined twice")),
        }
    }
}

fn primitive(name: &str) -> Option<Node> {
    Some(match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::Text,
        _ => return None,
    })
}

/// A name with its namespace in front, unless it has one of its own.
fn full(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}

/// Whether Java's Avro takes it for a name: letters are those of every alphabet.
fn is_name(text: &str) -> bool {
    let is_first = |c: char| c.is_alphabetic() || c == '_';
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_numeric())
}

fn member<'a>(object: &'a Object, key: &str, what: &str) -> Result<&'a Value, String> {
    object.get(key).ok_or_else(|| format!("{what} has no {key:?}"))
}

fn text<'a>(object: &'a Object, key: &str, what: &str) -> Result<&'a str, String> {
    member(object, key, what)?.as_str().ok_or_else(|| format!("the {key:?} of {what} is not a text"))
}

fn list<'a>(object: &'a Object, key: &str, what: &str) -> Result<&'a Vec<Value>, String> {
    member(object, key, what)?.as_array().ok_or_else(|| format!("the {key:?} of {what} is not a list"))
}
