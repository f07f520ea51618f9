//! What Flume's Kafka components have in common: how the brokers are spoken to, in the properties of Kafka's own clients.

use super::output::{Table, time};
use super::settings::Settings;

/// The rows of a component: its own, and those of Kafka's clients behind its prefix.
macro_rules! with_client_options {
    ($prefix:literal; $($row:expr),* $(,)?) => {
        &[
            $($row,)*
            mapped(concat!($prefix, "client.id"), "", "client-id"),
            mapped(concat!($prefix, "security.protocol"), "PLAINTEXT", "tls and sasl"),
            mapped(concat!($prefix, "sasl.mechanism"), "GSSAPI", "sasl.mechanism"),
            mapped(concat!($prefix, "sasl.jaas.config"), "", "user, password, principal and keytab of sasl"),
            mapped(concat!($prefix, "sasl.kerberos.service.name"), "kafka", "sasl.service"),
            noted(concat!($prefix, "sasl.kerberos.*"), "", "tickets are got again before they end"),
            noted(concat!($prefix, "sasl.login.*"), "", "it is about logins of other kinds"),
            refused(concat!($prefix, "sasl.client.callback.handler.class"), "", "classes of Java are not run here"),
            mapped(concat!($prefix, "ssl.truststore.location"), "", "tls.trust-store, or tls.ca for PEM"),
            mapped(concat!($prefix, "ssl.truststore.password"), "", "tls.password"),
            mapped(concat!($prefix, "ssl.truststore.type"), "JKS", "JKS, PKCS12 and PEM are told by the file"),
            mapped(concat!($prefix, "ssl.keystore.location"), "", "tls.key-store, or tls.cert and tls.key for PEM"),
            mapped(concat!($prefix, "ssl.keystore.password"), "", "tls.key-store-password"),
            mapped(concat!($prefix, "ssl.keystore.type"), "JKS", "PKCS12 and PEM; private keys of JKS are not read"),
            mapped(concat!($prefix, "ssl.key.password"), "", "has to be that of the key store"),
            refused(
                concat!($prefix, "ssl.endpoint.identification.algorithm"),
                "https",
                "the name of a broker is always checked against its certificate",
            ),
            refused(
                concat!($prefix, "ssl.disableTLSHostnameVerification"),
                "false",
                "the name of a broker is always checked against its certificate",
            ),
            noted(concat!($prefix, "ssl.*"), "", "TLS 1.2 and 1.3 are spoken, with the ciphers that are safe"),
            noted(concat!($prefix, "reconnect.*"), "", "what is away is tried again, up to every 10 s"),
            noted(concat!($prefix, "retry.*"), "", "what is away is tried again, up to every 10 s"),
            noted(concat!($prefix, "retries"), "", "what is away is tried again"),
            noted(concat!($prefix, "metric*"), "", "the agent's own metrics tell it"),
            noted(concat!($prefix, "socket.*"), "", "15 s for a connection"),
            noted(concat!($prefix, "receive.buffer.bytes"), "", "the system sizes the buffers"),
            noted(concat!($prefix, "send.buffer.bytes"), "", "the system sizes the buffers"),
            noted(concat!($prefix, "connections.max.idle.ms"), "", "a connection stays"),
            noted(concat!($prefix, "client.dns.lookup"), "", "all addresses of a name are tried"),
            noted(concat!($prefix, "enable.metrics.push"), "", "nothing is pushed"),
            refused(concat!($prefix, "interceptor.classes"), "", "classes of Java are not run here"),
        ]
    };
}
pub(super) use with_client_options;

/// How the brokers are spoken to, by the properties behind `prefix`.
pub(super) fn connection(said: &Settings<'_>, prefix: &str, table: &mut Table) {
    let key = |name: &str| format!("{prefix}{name}");
    let text = |name: &str| said.text(&key(name)).map(str::to_owned);
    table.set("brokers", said.needed("kafka.bootstrap.servers")).set_some("client-id", text("client.id"));
    let protocol = text("security.protocol").unwrap_or_default().to_ascii_uppercase();
    let (has_tls, has_sasl) = match protocol.as_str() {
        "PLAINTEXT" => (false, false),
        "SSL" => (true, false),
        "SASL_PLAINTEXT" => (false, true),
        "SASL_SSL" => (true, true),
        _ => {
            said.invalid(&key("security.protocol"), "is not known", "write PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
            (false, false)
        }
    };
    if has_tls {
        table.set("tls", tls(said, prefix).inline());
    }
    if has_sasl {
        table.set("sasl", sasl(said, prefix).inline());
    }
}

fn tls(said: &Settings<'_>, prefix: &str) -> Table {
    let key = |name: &str| format!("{prefix}{name}");
    let file = |name: &str| said.text(&key(name)).map(|path| said.local_path(path));
    let is_pem = |name: &str| said.text(&key(name)).is_some_and(|kind| kind.eq_ignore_ascii_case("PEM"));
    let mut tls = Table::default();
    let trusted = if is_pem("ssl.truststore.type") { "ca" } else { "trust-store" };
    tls.set_some(trusted, file("ssl.truststore.location"));
    if trusted == "trust-store" {
        tls.set_some("password", said.text(&key("ssl.truststore.password")));
    }
    if is_pem("ssl.keystore.type") {
        // One file holds both, which is what Kafka wants.
        tls.set_some("cert", file("ssl.keystore.location")).set_some("key", file("ssl.keystore.location"));
    } else if let Some(store) = file("ssl.keystore.location") {
        let (of_store, of_key) = (said.text(&key("ssl.keystore.password")), said.text(&key("ssl.key.password")));
        if of_key.is_some() && of_key != of_store {
            let hint = "give both one password: keytool -importkeystore .. -deststoretype PKCS12";
            said.not_here(&key("ssl.key.password"), "is another one than that of the key store", hint);
        }
        tls.set("key-store", store).set_some("key-store-password", of_store);
    }
    tls
}

fn sasl(said: &Settings<'_>, prefix: &str) -> Table {
    let key = |name: &str| format!("{prefix}{name}");
    let mechanism = said.text(&key("sasl.mechanism")).unwrap_or_default().to_ascii_uppercase();
    let jaas = said.text(&key("sasl.jaas.config")).map(jaas).unwrap_or_default();
    let of =
        |name: &str| jaas.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
    let mut sasl = Table::default();
    sasl.set("mechanism", mechanism.as_str());
    match mechanism.as_str() {
        "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => {
            let (Some(user), Some(password)) = (of("username"), of("password")) else {
                said.not_here(
                    &key("sasl.mechanism"),
                    "has no user and password",
                    "say them in sasl.jaas.config; a file of java.security.auth.login.config is not read",
                );
                return sasl;
            };
            sasl.set("user", user).set("password", password);
            said.remark("the password of Kafka stands in clear in a converted file; password-file names one that nobody else reads");
        }
        "GSSAPI" => {
            sasl.set_some("service", said.text(&key("sasl.kerberos.service.name")));
            if let Some(keytab) = of("keyTab") {
                sasl.set("keytab", said.local_path(&keytab));
            } else {
                said.remark("without a keytab in sasl.jaas.config the tickets are those of KRB5CCNAME");
            }
            sasl.set_some("principal", of("principal"));
        }
        _ => said.not_here(
            &key("sasl.mechanism"),
            "is not here",
            "log in by PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI",
        ),
    }
    sasl
}

/// The options in an entry of JAAS: `module required name="value" ..;`.
fn jaas(text: &str) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('=') {
        let name = before.rsplit(char::is_whitespace).next().unwrap_or_default().to_owned();
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, left) = match quote {
            Some(quote) => quoted(&behind[1..], quote),
            None => {
                let end = behind.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(behind.len());
                (behind[..end].to_owned(), &behind[end..])
            }
        };
        found.push((name, value));
        rest = left;
    }
    found
}

/// The text to the closing quote, and what is behind it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let (mut out, mut is_escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            c if is_escaped => {
                out.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            c if c == quote => return (out, &text[at + c.len_utf8()..]),
            c => out.push(c),
        }
    }
    (out, "")
}

/// Headers by name: `header.OURS = theirs`.
pub(super) fn headers(said: &Settings<'_>, table: &mut Table) {
    let mut headers = Table::default();
    for (name, value) in said.below("header.") {
        headers.set(name, value.text.as_str());
    }
    if !headers.is_empty() {
        table.set("headers", headers.inline());
    }
}

/// Sets a length of time that is said in milliseconds.
pub(super) fn set_time(said: &Settings<'_>, table: &mut Table, option: &str, key: &str) {
    if said.given(option).is_some() {
        table.set_some(key, said.number(option, 1).map(time));
    }
}

/// Sets a number that is said.
pub(super) fn set_number(said: &Settings<'_>, table: &mut Table, option: &str, key: &str) {
    if said.given(option).is_some() {
        table.set_some(key, said.number(option, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_jaas_is_taken_apart() {
        let plain =
            r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p=a\"s;s" ;"#;
        let all =
            [("username", "u"), ("password", "p=a\"s;s")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(jaas(plain), all);
        let krb = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab='/k' principal=a/b@C;";
        assert_eq!(jaas(krb).last().map(|(name, value)| format!("{name} {value}")).as_deref(), Some("principal a/b@C"));
        assert!(jaas("").is_empty());
    }
}
