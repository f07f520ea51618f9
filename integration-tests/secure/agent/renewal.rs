//! What happens to tickets under a running agent: the KDC is away when they end, and the key is changed and its keytab
//! replaced. The agent lives on, and every line is there once.

use std::path::Path;
use std::time::Duration;

use super::{LIFE, Place, namenodes, write_lines};
use crate::gate::Gate;
use crate::own::{docker, docker_in};
use crate::stack::{REALM, address, by_keytab, on_the_edge, printed, sakia, unique};

#[test]
fn an_agent_outlives_a_kdc_that_is_away_when_its_tickets_end() {
    let _namenodes = namenodes();
    let kdc = Gate::before(&address("KDC_PORT"));
    let place = Place::with_kdc(&by_keytab("etl"), &kdc.address());
    let (log, mut agent) = (place.path("access.log"), place.start(sakia()));
    let lines = write_lines(&log, 0, Duration::from_secs(8));
    let asked = kdc.calls();
    assert!(asked > 0, "the agent asks another KDC, this test shows nothing");
    kdc.shut();
    // Its tickets end, and the NameNodes change places, so that it needs new ones.
    let lines = write_lines(&log, lines, Duration::from_secs(2 * LIFE));
    assert!(agent.try_wait().unwrap().is_none(), "{}", printed(&agent.wait_with_output().unwrap()));
    kdc.open();
    let lines = write_lines(&log, lines, Duration::from_secs(LIFE));
    assert!(kdc.calls() > asked, "the agent got no new ticket");
    place.finish(agent, lines);
}

/// What an administrator of the KDC says.
pub fn kadmin(query: &str) -> String {
    let settings = "export KRB5_KDC_PROFILE=/opt/stack/conf/kdc/kdc.conf KRB5_CONFIG=$STACK_SHARED/conf/krb5.conf";
    docker_in("sakia-secure-kdc", &format!("{settings}; kadmin.local -q \"$(cat)\""), query)
}

/// The present key of a principal, as a file on this host.
fn write_keytab(principal: &str, file: &Path) {
    let inside = format!("/tmp/{}.keytab", unique("key"));
    kadmin(&format!("ktadd -norandkey -k {inside} {principal}"));
    docker(&["cp", &format!("sakia-secure-kdc:{inside}"), file.to_str().unwrap()]);
}

#[test]
fn a_keytab_that_is_replaced_under_an_agent_is_taken() {
    let _namenodes = namenodes();
    let (principal, directory) = (unique("robot").replace('_', ""), tempfile::tempdir().unwrap());
    let (keytab, old) = (directory.path().join("robot.keytab"), directory.path().join("old.keytab"));
    kadmin(&format!("addprinc -randkey {principal}"));
    write_keytab(&principal, &keytab);
    std::fs::copy(&keytab, &old).unwrap();
    let who =
        |keytab: &Path| format!("[kerberos]\nprincipal = '{principal}@{REALM}'\nkeytab = '{}'\n", keytab.display());
    let place = Place::new(&who(&keytab));
    let (log, agent) = (place.path("access.log"), place.start(sakia()));
    let lines = write_lines(&log, 0, Duration::from_secs(8));

    kadmin(&format!("cpw -randkey {principal}"));
    let new = directory.path().join("new.keytab");
    write_keytab(&principal, &new);
    std::fs::rename(&new, &keytab).unwrap();
    let refused = on_the_edge("kinit").args(["-k", "-t", old.to_str().unwrap(), &principal]).output().unwrap();
    assert!(!refused.status.success(), "the old key still opens the KDC, this test shows nothing");
    let file = crate::stack::file_of(&format!(
        "{}[hdfs]\n[[step]]\ntype = 'merge'\nname = 'm'\nnew-data = '/tmp/a'\nonto = '/tmp/b'\ntarget-dir = '/tmp/c'\nmerge-key = ['k']\n",
        who(&old)
    ));
    let said = printed(&sakia().arg("doctor").arg(file.path()).output().unwrap());
    assert!(said.contains("the keytab is older than the last change of the password"), "{said}");

    let lines = write_lines(&log, lines, Duration::from_secs(2 * LIFE));
    place.finish(agent, lines);
    kadmin(&format!("delprinc -force {principal}"));
}
