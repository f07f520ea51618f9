//! Channels.

use super::*;

const SPILLABLE: &str = "a1.channels.c.type = SPILLABLEMEMORY\na1.channels.c.memoryCapacity = 5000\n\
                         a1.channels.c.overflowCapacity = 70000\na1.channels.c.dataDirs = /data/c\n\
                         a1.channels.c.transactionCapacity = 1000\na1.channels.c.capacity = 1";

#[test]
fn a_memory_that_spills() {
    let text = agent(SPILLABLE);
    let channel = &toml(&text)["channel"][0];
    assert_eq!((channel["type"].as_str(), channel["max-events"].as_integer()), (Some("memory"), Some(5_000)));
    let overflow = &channel["overflow"];
    assert_eq!(overflow["directory"].as_str(), Some("/data/c-sakia"));
    assert_eq!((overflow["max-events"].as_integer(), overflow["after"].as_str()), (Some(70_000), Some("3s")));
    assert_eq!(overflow["min-free-bytes"].as_integer(), Some(524_288_000));
    let said = notes(&text);
    assert!(said.contains("what it holds there is lost when the agent is killed"), "{said}");
    assert!(said.contains("overflowCapacity is it, as in Flume"), "{said}");
    let at_once = toml(&agent(&format!("{SPILLABLE}\na1.channels.c.overflowTimeout = 0")));
    assert!(at_once["channel"][0]["overflow"].get("after").is_none());
    let alone = toml(&agent(&format!("{SPILLABLE}\na1.channels.c.overflowCapacity = 0")));
    assert!(alone["channel"][0].get("overflow").is_none());
    assert!(wrong(&agent(&format!("{SPILLABLE}\na1.channels.c.memoryCapacity = 0"))).contains("use type = file"));
}

#[test]
fn keys_in_a_key_store_are_named() {
    for more in [
        "a1.channels.c.encryption.activeKey = key-0",
        "a1.channels.c.encryption.keyProvider = JCEKSFILE",
        "a1.channels.c.encryption.keyProvider.keyStoreFile = /a/keys",
        "a1.channels.c.encryption.keyProvider.keys.key-0.passwordFile = /a/password",
    ] {
        for kind in ["a1.channels.c.type = file", SPILLABLE] {
            let said = wrong(&agent(&format!("{kind}\n{more}")));
            assert!(said.contains("JCEKS are not read") && said.contains("encryption = { active"), "{said}");
        }
    }
    let cipher = agent("a1.channels.c.type = file\na1.channels.c.encryption.cipherProvider = AESCTRNOPADDING");
    assert!(notes(&cipher).contains("AES-256-GCM"), "{}", notes(&cipher));
}
