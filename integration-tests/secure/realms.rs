//! Tickets of another realm, which the cluster's trusts, as those of Active Directory mostly are; and caches that are no
//! files.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::agent::renewal::kadmin;
use crate::logins::examined;
use crate::own::{container_of, docker, inspected, run_like};
use crate::small::Small;
use crate::stack::{REALM, by_keytab, keytab, on_the_edge, printed, run, sakia, servers, setting, shared, sql, unique};

const OTHER: &str = "OTHER.TEST";
/// Inside the pod.
const PORT: u16 = 30_001;
/// What both realms have their trust by; nothing of the stack believes in this user.
const SHARED: &str = "what both know";

/// A KDC of another realm with the user bob, which the stack's realm trusts as long as this lives.
struct Other {
    container: String,
    directory: tempfile::TempDir,
}

impl Other {
    fn start() -> Self {
        let trust = format!("krbtgt/{REALM}@{OTHER}");
        let script = format!(
            "set -e; . /opt/stack/roles/lib.sh; mkdir /tmp/other; cd /tmp/other
sed 's/{REALM}/{OTHER}/; s|/data/|/tmp/other/|; s/{port}/{PORT}/' $CONF/kdc/kdc.conf > kdc.conf
export KRB5_KDC_PROFILE=/tmp/other/kdc.conf
kdb5_util create -s -r {OTHER} -P master
kadmin.local -r {OTHER} -q 'addprinc -randkey bob'
kadmin.local -r {OTHER} -q 'ktadd -norandkey -k /tmp/other/bob.keytab bob'
kadmin.local -r {OTHER} -q 'addprinc -pw \"{SHARED}\" {trust}'
exec krb5kdc -n -r {OTHER}",
            port = setting("KDC_PORT"),
        );
        let container = run_like("kdc", "other", &[], &["-c", &script]);
        let other = Self { container, directory: tempfile::tempdir().unwrap() };
        let inside = inspected(&container_of("pod"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
        let there = format!("{inside}:{PORT}");
        let began = Instant::now();
        while std::net::TcpStream::connect(&there).is_err() {
            let log = || printed(&Command::new("docker").args(["logs", &other.container]).output().unwrap());
            assert!(began.elapsed() < Duration::from_secs(60), "the kdc does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
        kadmin(&format!("delprinc -force {trust}"));
        kadmin(&format!("addprinc -pw \"{SHARED}\" {trust}"));
        docker(&["cp", &format!("{}:/tmp/other/bob.keytab", other.container), other.keytab().to_str().unwrap()]);
        let krb5 = std::fs::read_to_string(shared().join("conf/krb5.conf")).unwrap();
        let krb5 = krb5.replace("[realms]", &format!("[realms]\n  {OTHER} = {{\n    kdc = {there}\n  }}"));
        std::fs::write(other.directory.path().join("krb5.conf"), krb5).unwrap();
        other
    }

    fn keytab(&self) -> std::path::PathBuf {
        self.directory.path().join("bob.keytab")
    }

    /// A command that knows both realms.
    fn known_to(&self, mut command: Command) -> Command {
        command.env("KRB5_CONFIG", self.directory.path().join("krb5.conf"));
        command
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        kadmin(&format!("delprinc -force krbtgt/{REALM}@{OTHER}"));
        let _ = Command::new("docker").args(["rm", "--force", &self.container]).output();
    }
}

#[test]
fn a_user_of_a_trusted_realm_writes_and_reads() {
    let other = Other::start();
    let bob = format!("[kerberos]\nprincipal = 'bob@{OTHER}'\nkeytab = '{}'\n", other.keytab().display());
    // The stack itself has no rule for them: the answer names the principal.
    let (code, said) = examined(other.known_to(sakia()), &bob);
    assert!(code == Some(1) && said.contains(&format!("ticket: bob@{OTHER}")), "{said}");
    assert!(said.contains("auth_to_local"), "{said}");

    let rules = format!("RULE:[1:$1@$0](.*@{OTHER})s/@.*// RULE:[2:$1](.*) DEFAULT");
    let small = Small::start(&[("hadoop.security.auth_to_local", &rules)]);
    let name = unique("it_realm");
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_500"));
    let steps = format!(
        "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{name}'\ntarget-dir = '/tmp/{name}'\nas = 'text'\n\
         [[step]]\ntype = 'verify'\nname = 'v'\ntable = '{name}'\ntarget-dir = '/tmp/{name}'\n"
    );
    let pipeline = servers(&bob).replace("[metastore]\n", "") + &steps;
    run(other.known_to(small.conf(&[]).sakia()), &pipeline);
    assert_eq!(small.shell("etl", "fs", &["-stat", "%u", &format!("/tmp/{name}")]).trim(), "bob");
    assert_eq!(small.shell("etl", "fs", &["-cat", &format!("/tmp/{name}/part*")]).lines().count(), 500);
    sql(&format!("drop table {name}"));
}

/// Gets a ticket into a cache as `kinit` does; whether it could.
fn kinit(cache: &str) -> bool {
    let done = on_the_edge("kinit").args(["-k", "-t", &keytab("etl"), "-c", cache, "etl"]).output().unwrap();
    done.status.success()
}

#[test]
fn tickets_of_caches_that_are_not_files_let_us_in() {
    let directory = tempfile::tempdir().unwrap();
    let dir = format!("DIR:{}", directory.path().join("caches").display());
    std::fs::create_dir(directory.path().join("caches")).unwrap();
    let mut caches = vec![dir];
    // A kernel without keyrings, or a container that may not use them, is not a fault of ours.
    if Path::new("/proc/keys").exists() {
        let name = unique("it");
        caches.extend([
            format!("KEYRING:session:{name}"),
            format!("KEYRING:user:{name}"),
            format!("KEYRING:persistent:{}:{name}", users_id()),
        ]);
    }
    // Where a daemon runs on this host.
    if Path::new("/var/run/.heim_org.h5l.kcm-socket").exists() {
        caches.push("KCM:".to_owned() + &users_id());
    }
    for cache in caches {
        assert!(kinit(&cache), "{cache}");
        // Named by the environment, by the pipeline, and filled by ourselves.
        let mut command = sakia();
        command.env("KRB5CCNAME", &cache);
        for (command, who) in [
            (command, String::new()),
            (sakia(), format!("[kerberos]\ncache = '{cache}'\n")),
            (sakia(), format!("{}cache = '{cache}'\n", by_keytab("etl"))),
        ] {
            let (code, said) = examined(command, &who);
            assert!(said.contains("they belong to etl"), "{cache}: {code:?} {said}");
        }
        assert!(on_the_edge("kdestroy").args(["-c", &cache]).status().unwrap().success(), "{cache}");
    }
}

fn users_id() -> String {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}
