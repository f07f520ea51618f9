//! Which schema the body of an event has that is a datum of Avro, by the rules of Flume's `AvroEventSerializer`: that at
//! the address in its header `flume.avro.schema.url`, else that in its header `flume.avro.schema.literal`, else the one
//! that the sink was given.
//!
//! Flume takes the schema of a file's first event for all that follow. Here each schema has files of its own, and a body
//! that is not a datum of its schema is put aside: it would make the file unreadable from there on. Whoever can send
//! events can choose their headers, so these name files on the sink's own filesystem and nothing else.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::agent::event::Event;
use crate::error::{self, Result};
use crate::format::avro::DatumSchema;
use crate::storage::Filesystem;

const URL: &str = "flume.avro.schema.url";
const LITERAL: &str = "flume.avro.schema.literal";

/// The longest schema that is read.
const MOST_BYTES: u64 = 4 << 20;

/// Headers whose schema is remembered; then all are forgotten, and read again.
const MOST_KNOWN: usize = 1_000;

/// Where a schema lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) enum SchemaPlace {
    /// A path on the sink's filesystem, and the address of that, where it is said.
    Cluster { address: Option<String>, path: String },
    /// A file of this host.
    Local(PathBuf),
}

impl SchemaPlace {
    /// Reads an address.
    ///
    /// # Errors
    /// Config: it is neither in HDFS nor a file.
    pub(in crate::agent) fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.starts_with('/') {
            return Ok(Self::Cluster { address: None, path: text.to_owned() });
        }
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        match scheme.as_str() {
            "hdfs" | "viewfs" if path.len() > 1 => {
                let address = (!authority.is_empty()).then(|| format!("{scheme}://{authority}"));
                Ok(Self::Cluster { address, path: path.to_owned() })
            }
            "file" if path.len() > 1 && ["", "localhost"].contains(&authority) => Ok(Self::Local(path.into())),
            _ => Err(error::config(format!("{text:?} is not a file that a schema can be read from")).hint(
                "name a file in HDFS, such as hdfs:///schemas/click.avsc, or of this host: file:///etc/click.avsc",
            )),
        }
    }
}

/// The schemas of an epoch's events.
pub(super) struct Schemas {
    fs: Arc<dyn Filesystem>,
    given: Option<SchemaPlace>,
    by_url: HashMap<String, Result<usize, String>>,
    by_text: HashMap<String, usize>,
    by_default: Option<usize>,
    all: Vec<DatumSchema>,
}

impl Schemas {
    pub(super) fn new(fs: Arc<dyn Filesystem>, given: Option<SchemaPlace>) -> Self {
        let (by_url, by_text) = (HashMap::new(), HashMap::new());
        Self { fs, given, by_url, by_text, by_default: None, all: Vec::new() }
    }

    /// A schema by its number, as it was written.
    pub(super) fn text(&self, number: usize) -> &str {
        self.all[number].text()
    }

    /// The number of an event's schema, or why it has none.
    ///
    /// # Errors
    /// A schema cannot be read now, or not the one that the sink was given.
    pub(super) async fn of(&mut self, event: &Event) -> Result<Result<usize, String>> {
        let number = match (event.headers.get(URL), event.headers.get(LITERAL)) {
            (Some(url), _) => self.at(url).await?,
            (None, Some(text)) => self.literal(text),
            (None, None) => self.default().await?,
        };
        Ok(number.and_then(|number| match self.all[number].check(&event.body) {
            Ok(()) => Ok(number),
            Err(why) => Err(format!("its body is not a datum of its schema: {why}")),
        }))
    }

    async fn at(&mut self, url: &str) -> Result<Result<usize, String>> {
        if let Some(known) = self.by_url.get(url) {
            return Ok(known.clone());
        }
        let place = match SchemaPlace::new(url) {
            Ok(SchemaPlace::Local(_)) => Err(error::config("it names a file of this host, and headers may not")),
            place => place,
        };
        let found = match place {
            Ok(place) => self.load(&place).await,
            Err(e) => Err(e),
        };
        let found = match found {
            Err(e) if e.is_transient() => return Err(e.context(format!("the header {URL} of an event"))),
            found => found.map_err(|e| format!("its header {URL} is {url:?}: {e}")),
        };
        if self.by_url.len() == MOST_KNOWN {
            self.by_url.clear();
        }
        self.by_url.insert(url.to_owned(), found.clone());
        Ok(found)
    }

    fn literal(&mut self, text: &str) -> Result<usize, String> {
        if let Some(known) = self.by_text.get(text) {
            return Ok(*known);
        }
        let number = self.add(text).map_err(|e| format!("its header {LITERAL}: {e}"))?;
        if self.by_text.len() == MOST_KNOWN {
            self.by_text.clear();
        }
        self.by_text.insert(text.to_owned(), number);
        Ok(number)
    }

    async fn default(&mut self) -> Result<Result<usize, String>> {
        if let Some(number) = self.by_default {
            return Ok(Ok(number));
        }
        let Some(place) = self.given.clone() else {
            return Ok(Err(format!("it has neither a header {URL} nor {LITERAL}, and the sink has no schema")));
        };
        let number = self.load(&place).await.map_err(|e| e.context("avro.schema"))?;
        self.by_default = Some(number);
        Ok(Ok(number))
    }

    async fn load(&mut self, place: &SchemaPlace) -> Result<usize> {
        let bytes = match place {
            SchemaPlace::Cluster { address, path } => {
                let own = self.fs.uri();
                if let Some(address) = address.as_ref().filter(|address| !is_same(address, &own)) {
                    let what = format!("{address} is not where the sink writes to, which is {own}");
                    return Err(error::config(what).hint("put the schema into the sink's filesystem"));
                }
                let status = self.fs.stat(path).await?;
                let status = status.ok_or_else(|| error::not_found(format!("there is no file {path}")))?;
                check_length(path, status.len_bytes)?;
                self.fs.read(path).await?.to_vec()
            }
            SchemaPlace::Local(file) => {
                let name = file.display().to_string();
                let failed =
                    |e| error::config(format!("cannot read {name}")).source(e).hint("check its name and its rights");
                check_length(&name, tokio::fs::metadata(file).await.map_err(failed)?.len())?;
                tokio::fs::read(file).await.map_err(failed)?
            }
        };
        let text = String::from_utf8(bytes).map_err(|e| error::schema("the schema is not UTF-8").source(e))?;
        self.add(&text)
    }

    fn add(&mut self, text: &str) -> Result<usize> {
        let schema = DatumSchema::new(text)?;
        if let Some(known) = self.all.iter().position(|known| known.text() == schema.text()) {
            return Ok(known);
        }
        self.all.push(schema);
        Ok(self.all.len() - 1)
    }
}

/// Whether two addresses are of one filesystem; a port that is not said is the usual one.
fn is_same(one: &str, other: &str) -> bool {
    let usual = |address: &str| address.strip_suffix(":8020").unwrap_or(address).to_ascii_lowercase();
    usual(one) == usual(other)
}

fn check_length(name: &str, length: u64) -> Result<()> {
    if length <= MOST_BYTES {
        return Ok(());
    }
    Err(error::config(format!("{name} has {length} bytes, too many for a schema"))
        .hint("name a file of a schema alone"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::storage::local::LocalFilesystem;
    use crate::storage::{CreateOptions, write_whole};

    fn event(body: &'static [u8], headers: &[(&'static str, &str)]) -> Event {
        let mut event = Event { body: Bytes::from_static(body), ..Event::default() };
        headers.iter().for_each(|(name, value)| event.headers.set(*name, (*value).to_owned()));
        event
    }

    #[test]
    fn where_schemas_lie() {
        let cluster = |address: Option<&str>, path: &str| SchemaPlace::Cluster {
            address: address.map(str::to_owned),
            path: path.to_owned(),
        };
        for (text, wanted) in [
            ("/s/a.avsc", cluster(None, "/s/a.avsc")),
            ("hdfs:///s/a.avsc", cluster(None, "/s/a.avsc")),
            ("HDFS://nn:8020/s/a.avsc", cluster(Some("hdfs://nn:8020"), "/s/a.avsc")),
            ("viewfs://v/s/a.avsc", cluster(Some("viewfs://v"), "/s/a.avsc")),
            ("file:/etc/a.avsc", SchemaPlace::Local("/etc/a.avsc".into())),
            ("file:///etc/a.avsc", SchemaPlace::Local("/etc/a.avsc".into())),
        ] {
            assert_eq!(SchemaPlace::new(text).unwrap(), wanted, "{text}");
        }
        for text in ["", "a.avsc", "http://repo/a.avsc", "file://host/a", "hdfs://nn", "hdfs:///"] {
            assert!(SchemaPlace::new(text).is_err(), "{text}");
        }
        assert!(is_same("hdfs://NN", "hdfs://nn:8020") && !is_same("hdfs://nn:9000", "hdfs://nn"));
    }

    #[tokio::test]
    async fn headers_come_before_the_sinks_own_schema() {
        let dir = tempfile::tempdir().unwrap();
        let fs = Arc::new(LocalFilesystem::new(dir.path()));
        write_whole(&*fs, "/s/long.avsc", b" \"long\"\n", CreateOptions::default()).await.unwrap();
        std::fs::write(dir.path().join("own.avsc"), "\"boolean\"").unwrap();
        let own = format!("file://{}", dir.path().join("own.avsc").display());
        let mut schemas = Schemas::new(fs.clone(), Some(SchemaPlace::new(&own).unwrap()));
        let long = event(b"\x04", &[(URL, "/s/long.avsc"), (LITERAL, "\"string\"")]);
        let text = event(b"\x02a", &[(LITERAL, "\"string\"")]);
        assert_eq!(schemas.of(&event(b"\x01", &[])).await.unwrap(), Ok(0));
        assert_eq!(schemas.of(&long).await.unwrap(), Ok(1));
        assert_eq!(schemas.of(&text).await.unwrap(), Ok(2));
        assert_eq!(
            schemas.of(&event(b"\x00", &[(LITERAL, " \"long\"")])).await.unwrap(),
            Ok(1),
            "one schema, one number"
        );
        assert_eq!(["\"boolean\"", "\"long\"", "\"string\""], [schemas.text(0), schemas.text(1), schemas.text(2)]);
    }

    #[tokio::test]
    async fn an_event_that_no_reader_would_understand_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "\"null\"").unwrap();
        let secret = format!("file://{}/secret", dir.path().display());
        let mut schemas = Schemas::new(Arc::new(LocalFilesystem::new(dir.path())), None);
        type Case<'a> = (&'static [u8], &'a [(&'static str, &'a str)], &'a str);
        let cases: [Case<'_>; 7] = [
            (b"", &[], "neither a header flume.avro.schema.url nor"),
            (b"", &[(LITERAL, "{")], "not a schema of avro: it is not JSON"),
            (b"\x04a", &[(LITERAL, "\"string\"")], "its body is not a datum of its schema: it ends within a value"),
            (b"", &[(URL, "/none.avsc")], "there is no file /none.avsc"),
            (b"", &[(URL, secret.as_str())], "headers may not"),
            (b"", &[(URL, "http://169.254.169.254/")], "not a file that a schema can be read from"),
            (b"", &[(URL, "hdfs://other/a.avsc")], "hdfs://other is not where the sink writes to"),
        ];
        for (body, headers, wanted) in cases {
            for _ in 0..2 {
                let said = schemas.of(&event(body, headers)).await.unwrap().unwrap_err();
                assert!(said.contains(wanted), "{headers:?}: {said}");
            }
        }
        let mut schemas = Schemas::new(schemas.fs, Some(SchemaPlace::new("/none.avsc").unwrap()));
        let said = schemas.of(&event(b"", &[])).await.unwrap_err().to_string();
        assert!(said.contains("avro.schema: there is no file /none.avsc"), "{said}");
    }
}
