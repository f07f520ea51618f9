//! Whose tickets are shown, and what is said where there is none, where they are wrong, or where the clocks differ.

use std::time::{Duration, Instant};

use crate::own::{container_of, inspected, run_like};
use crate::stack::{
    REALM, Tickets, by_keytab, file_of, keytab, on_the_edge, printed, root, sakia, setting, shared, sql, tool, unique,
};

/// A step of what is there.
pub const STEP: &str = "[[step]]\ntype = 'merge'\nname = 'm'\nnew-data = '/user'\nonto = '/tmp'\ntarget-dir = '/tmp/c'\nmerge-key = ['k']\n";

/// What an examination of HDFS says, with `who` in front of the table of HDFS.
pub fn examined(mut command: std::process::Command, who: &str) -> (Option<i32>, String) {
    let file = file_of(&format!("{who}\n[hdfs]\n{STEP}"));
    let done = command.arg("doctor").arg(file.path()).output().unwrap();
    (done.status.code(), printed(&done))
}

#[test]
fn tickets_of_a_cache_and_of_a_keytab_let_us_in() {
    let tickets = Tickets::of("etl");
    let (code, said) = examined(tickets.lent_to(sakia()), "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ticket: etl@SAKIA.TEST"), "{said}");
    assert!(said.contains("they belong to etl"), "{said}");

    let (code, said) = examined(sakia(), &by_keytab("etl"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("they belong to etl"), "{said}");

    // A cache of its own beside the keytab: the tickets are found there afterwards.
    let directory = tempfile::tempdir().unwrap();
    let cache = format!("FILE:{}/kept", directory.path().display());
    let (code, said) = examined(sakia(), &format!("{}cache = '{cache}'\n", by_keytab("etl")));
    assert_eq!(code, Some(0), "{said}");
    let list = on_the_edge("klist").env("KRB5CCNAME", &cache).output().unwrap();
    assert!(printed(&list).contains("etl@SAKIA.TEST"), "{}", printed(&list));
}

#[test]
fn sqoops_relative_directories_are_below_the_home_of_the_tickets_owner() {
    let name = unique("it_home");
    sql(&format!("create table {name} (id int primary key); insert into {name} values (1), (2)"));
    let tickets = Tickets::of("etl");
    let mut sqoop = tickets.lent_to(sakia());
    // Who runs it is somebody else on this host.
    sqoop.env("USER", "somebody").env("HADOOP_USER_NAME", "somebody").args(["sqoop", "import", "--username", "shop"]);
    sqoop.arg("--connect").arg(format!("jdbc:mysql://127.0.0.1:{}/shop", setting("MARIADB_PORT")));
    sqoop.arg("--password-file").arg(format!("file://{}/docker/shop.password", root().display()));
    let done = sqoop.args(["--table", &name, "--target-dir", &format!("{name}.d/t"), "-m", "1"]).output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    assert_eq!(tool("etl", "hdfs", &["dfs", "-cat", &format!("/user/etl/{name}.d/t/part-m-00000")]), "1\n2\n");
    sql(&format!("drop table {name}"));
}

#[test]
fn without_a_ticket_it_is_said_within_seconds() {
    let began = Instant::now();
    let (code, said) = examined(sakia(), "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no ticket") && said.contains("run kinit"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_keytab_that_is_wrong_is_named_with_what_to_do() {
    let with =
        |principal: &str, keytab: &str| format!("[kerberos]\nprincipal = '{principal}@{REALM}'\nkeytab = '{keytab}'\n");
    let (_, said) = examined(sakia(), &with("etl", "/no/such.keytab"));
    assert!(said.contains("/no/such.keytab"), "{said}");
    let (_, said) = examined(sakia(), &with("etl", &keytab("analyst")));
    assert!(said.contains("etl@SAKIA.TEST") && said.contains("klist -k"), "{said}");
    let (_, said) = examined(sakia(), &with("nosuchuser", &keytab("etl")));
    assert!(said.contains("nosuchuser@SAKIA.TEST"), "{said}");
    let (code, said) = examined(sakia(), &format!("[kerberos]\nkeytab = '{}'\n", keytab("etl")));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("without a principal"), "{said}");
}

#[test]
fn a_kdc_that_is_away_and_a_realm_that_is_not_known_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let original = std::fs::read_to_string(shared().join("conf/krb5.conf")).unwrap();
    let with = |text: String| {
        let file = directory.path().join("krb5.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = sakia();
        command.env("KRB5_CONFIG", file);
        examined(command, &by_keytab("etl")).1
    };
    let said = with(original.replace(&format!("kdc = localhost:{}", setting("KDC_PORT")), "kdc = localhost:1"));
    assert!(said.contains("no KDC of the realm answers"), "{said}");
    let said = with(original.replace("SAKIA.TEST = {", "OTHER.TEST = {"));
    assert!(said.contains("no KDC is known for the realm") || said.contains("Cannot find KDC"), "{said}");
}

#[test]
fn a_clock_that_is_off_is_named() {
    // Only the client's clock is put forward; the machine's stays.
    let faketime = std::process::Command::new("faketime").args(["-f", "+1h", "true"]).status().unwrap();
    assert!(faketime.success());
    // The library would take the KDC's time for its own otherwise.
    let directory = tempfile::tempdir().unwrap();
    let krb5 = std::fs::read_to_string(shared().join("conf/krb5.conf")).unwrap();
    let krb5 = krb5.replace("[libdefaults]", "[libdefaults]\n  kdc_timesync = 0");
    std::fs::write(directory.path().join("krb5.conf"), krb5).unwrap();
    let mut command = on_the_edge("faketime");
    command.args(["-f", "+1h", env!("CARGO_BIN_EXE_sakia")]).env("KRB5_CONFIG", directory.path().join("krb5.conf"));
    let (code, said) = examined(command, &by_keytab("etl"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("clocks"), "{said}");
}

/// A KDC of the stack's realm whose clock is an hour ahead; gone with this.
struct Ahead(String);

impl Ahead {
    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

    /// Starts it on a port of its own, and writes a krb5.conf that leads to it; `more` joins its settings.
    fn start(krb5: &std::path::Path, more: &str) -> Self {
        let port = "30000";
        let script = format!(
            ". /opt/stack/roles/lib.sh; sed 's/{}/{port}/' $CONF/kdc/kdc.conf > /tmp/kdc.conf; \
             export KRB5_KDC_PROFILE=/tmp/kdc.conf FAKETIME=+1h LD_PRELOAD=/faketime.so; exec krb5kdc -n",
            setting("KDC_PORT")
        );
        let library = format!("{}:/faketime.so:ro", Self::LIBRARY);
        let name = run_like("kdc", "ahead", &["--volume", &library], &["-c", &script]);
        let inside = inspected(&container_of("pod"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
        let there = format!("{inside}:{port}");
        let began = Instant::now();
        while std::net::TcpStream::connect(&there).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the kdc does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        let settings = std::fs::read_to_string(shared().join("conf/krb5.conf")).unwrap();
        let settings = settings.replace(&format!("localhost:{}", setting("KDC_PORT")), &there);
        std::fs::write(krb5, settings.replace("[libdefaults]", &format!("[libdefaults]\n{more}"))).unwrap();
        Self(name)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker").args(["rm", "--force", &self.0]).output();
    }
}

#[test]
fn a_kdc_whose_clock_is_off_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let krb5 = directory.path().join("krb5.conf");
    let said = |more: &str| {
        let _ahead = Ahead::start(&krb5, more);
        let mut command = sakia();
        command.env("KRB5_CONFIG", &krb5);
        let (code, said) = examined(command, &by_keytab("etl"));
        assert_eq!(code, Some(1), "{said}");
        said
    };
    // The library takes the KDC's time for its own, and the servers decline what comes from the future.
    let servers = said("");
    assert!(servers.contains("FAIL") && servers.contains("clock"), "{servers}");
    // Told not to, it is the library that says so.
    let library = said("  kdc_timesync = 0");
    assert!(library.contains("the clocks of this host and of the server or the KDC differ"), "{library}");
}

#[test]
fn an_open_cluster_needs_no_library_of_kerberos() {
    // Without site files nothing asks for Kerberos, and nothing of it is loaded.
    let done = sakia().env_remove("HADOOP_CONF_DIR").env_remove("HIVE_CONF_DIR").args(["--version"]).output().unwrap();
    assert!(done.status.success());
    let linked = std::process::Command::new("ldd").arg(env!("CARGO_BIN_EXE_sakia")).output().unwrap();
    assert!(!printed(&linked).contains("gssapi"), "{}", printed(&linked));
}
