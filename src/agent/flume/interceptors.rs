//! Flume's interceptors. A new one is its rows, and a line in [`ALL`].

use regex::Regex;
use toml::Value;

use super::options::{Component, mapped};
use super::output::Table;
use super::settings::Settings;
use super::sources::is_utf8;

/// Those that are here.
pub(super) const ALL: &[&Component<Table>] =
    &[&TIMESTAMP, &HOST, &STATIC, &REMOVE_HEADER, &UUID, &SEARCH_REPLACE, &REGEX_FILTER, &REGEX_EXTRACTOR];

const TIMESTAMP: Component<Table> = Component {
    names: &["timestamp", "org.apache.flume.interceptor.TimestampInterceptor$Builder"],
    native: "timestamp",
    options: &[mapped("headerName", "timestamp", "header"), mapped("preserveExisting", "false", "preserve-existing")],
    map: |said| {
        let mut table = Table::default();
        table.set("header", said.needed("headerName")).set("preserve-existing", said.flag("preserveExisting"));
        table
    },
};

const HOST: Component<Table> = Component {
    names: &["host", "org.apache.flume.interceptor.HostInterceptor$Builder"],
    native: "host",
    options: &[
        mapped("hostHeader", "host", "header"),
        mapped("useIP", "true", "use-ip"),
        mapped("preserveExisting", "false", "preserve-existing"),
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("header", said.needed("hostHeader")).set("use-ip", said.flag("useIP"));
        table.set("preserve-existing", said.flag("preserveExisting"));
        table
    },
};

const STATIC: Component<Table> = Component {
    names: &["static", "org.apache.flume.interceptor.StaticInterceptor$Builder"],
    native: "static",
    options: &[
        mapped("key", "key", "key"),
        mapped("value", "value", "value"),
        mapped("preserveExisting", "true", "preserve-existing"),
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("key", said.needed("key")).set("value", said.needed("value"));
        table.set("preserve-existing", said.flag("preserveExisting"));
        table
    },
};

const REMOVE_HEADER: Component<Table> = Component {
    names: &["remove_header", "org.apache.flume.interceptor.RemoveHeaderInterceptor$Builder"],
    native: "remove-header",
    options: &[
        mapped("withName", "", "with-name"),
        mapped("fromList", "", "names"),
        mapped("fromListSeparator", "\\s*,\\s*", "parts names, here and there a regular expression"),
        mapped("matching", "", "matching"),
    ],
    map: remove_header,
};

const UUID: Component<Table> = Component {
    names: &["org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder"],
    native: "uuid",
    options: &[
        mapped("headerName", "id", "header"),
        mapped("preserveExisting", "true", "preserve-existing"),
        mapped("prefix", "", "prefix"),
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("header", said.needed("headerName")).set("preserve-existing", said.flag("preserveExisting"));
        table.set_some("prefix", said.text("prefix"));
        table
    },
};

const SEARCH_REPLACE: Component<Table> = Component {
    names: &["search_replace", "org.apache.flume.interceptor.SearchAndReplaceInterceptor$Builder"],
    native: "search-replace",
    options: &[
        mapped("searchPattern", "", "search"),
        mapped("replaceString", "", "replace"),
        mapped("charset", "UTF-8", "UTF-8 alone"),
    ],
    map: |said| {
        if said.text("charset").is_some_and(|charset| !is_utf8(charset)) {
            said.not_here("charset", "is not here", "bodies are read as UTF-8; let the source send that");
        }
        let mut table = Table::default();
        table
            .set("search", said.needed("searchPattern"))
            .set("replace", said.text("replaceString").unwrap_or_default());
        table
    },
};

const REGEX_FILTER: Component<Table> = Component {
    names: &["regex_filter", "org.apache.flume.interceptor.RegexFilteringInterceptor$Builder"],
    native: "regex-filter",
    options: &[mapped("regex", ".*", "regex"), mapped("excludeEvents", "false", "exclude")],
    map: |said| {
        let mut table = Table::default();
        table.set("regex", said.needed("regex")).set("exclude", said.flag("excludeEvents"));
        table
    },
};

const REGEX_EXTRACTOR: Component<Table> = Component {
    names: &["regex_extractor", "org.apache.flume.interceptor.RegexExtractorInterceptor$Builder"],
    native: "regex-extractor",
    options: &[
        mapped("regex", "", "regex"),
        mapped("serializers", "", "groups"),
        mapped("serializers.*", "", "groups: `name`, and `time-pattern` for the serializer of milliseconds"),
    ],
    map: regex_extractor,
};

fn remove_header(said: &Settings<'_>) -> Table {
    let mut table = Table::default();
    table.set_some("with-name", said.text("withName"));
    if let Some(list) = said.text("fromList") {
        match Regex::new(said.text("fromListSeparator").unwrap_or(",")) {
            Ok(separator) => {
                table.set("names", separator.split(list).map(Value::from).collect::<Vec<_>>());
            }
            Err(_) => said.invalid("fromListSeparator", "is not a regular expression", "write one, such as \\s*,\\s*"),
        }
    }
    table.set_some("matching", said.text("matching"));
    if table.is_empty() {
        said.remark("it takes no header away; say withName, fromList or matching");
    }
    table
}

fn regex_extractor(said: &Settings<'_>) -> Table {
    let mut table = Table::default();
    table.set("regex", said.needed("regex"));
    said.needed("serializers");
    let groups: Vec<Value> = said.list("serializers").iter().map(|name| group(said, name).inline()).collect();
    table.set("groups", groups);
    table
}

/// What becomes of a group of the expression.
fn group(said: &Settings<'_>, name: &str) -> Table {
    let key = |key: &str| format!("serializers.{name}.{key}");
    let mut table = Table::default();
    table.set("name", said.needed(&key("name")));
    let class = said.given(&key("type")).map_or("DEFAULT", |class| class.rsplit('.').next().unwrap_or(class));
    match class {
        "DEFAULT" | "RegexExtractorInterceptorPassThroughSerializer" => {}
        "RegexExtractorInterceptorMillisSerializer" => {
            table.set("time-pattern", said.needed(&key("pattern")));
        }
        "default" => said.invalid(&key("type"), "is taken by Flume for a class", "write DEFAULT, or take it out"),
        _ => said.not_here(
            &key("type"),
            "is a class of its own",
            "use DEFAULT or org.apache.flume.interceptor.RegexExtractorInterceptorMillisSerializer",
        ),
    }
    for other in said.below(&format!("serializers.{name}.")).keys() {
        if !["name", "type", "pattern"].contains(other) {
            said.note(&key(other), "is not an option that Flume knows, which ignores it, as is done here");
        }
    }
    table
}
