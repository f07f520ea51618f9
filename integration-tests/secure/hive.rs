//! The metastore and HiveServer2 in each of their ways in, read back by the stock beeline with the ticket of another user.

use crate::stack::{
    Tickets, address, beeline, by_keytab, file_of, printed, run, sakia, servers, setting, shared, sql, unique,
};

fn import_into_hive(name: &str) -> String {
    format!(
        "[[step]]\ntype = 'import'\nname = '{name}'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
         hive-database = 'default'\n"
    )
}

fn table() -> String {
    let name = unique("it_hive");
    sql(&format!(
        "create table {name} (id int primary key, n int); insert into {name} select seq, seq * 2 from seq_1_to_100"
    ));
    name
}

#[test]
fn a_table_is_registered_over_sasl_with_privacy() {
    let name = table();
    run(sakia(), &(servers(&by_keytab("etl")) + &import_into_hive(&name)));
    assert_eq!(beeline("analyst", &format!("select count(*), sum(n) from default.{name}")), [["100", "10100"]]);
    sql(&format!("drop table {name}"));
}

/// What `doctor` says of the metastore inside TLS, with `more` tables in the pipeline.
fn metastore_in_tls(more: &str) -> (Option<i32>, String) {
    sql("create table if not exists it_doctor (id int primary key)");
    let tls = format!("[metastore]\nurl = 'thrift://{}'\ntls = true\n{more}\n", address("METASTORE2_PORT"));
    let pipeline = servers(&by_keytab("etl")).replace("[metastore]\n", &tls) + &import_into_hive("it_doctor");
    let file = file_of(&pipeline);
    let done = sakia().arg("doctor").arg(file.path()).env("STORE", setting("STORE_PASSWORD")).output().unwrap();
    (done.status.code(), printed(&done))
}

#[test]
fn a_metastore_inside_tls_is_known_by_each_form_of_its_authority() {
    let tls = shared().join("tls");
    for trust in [
        // The trust store of ssl-client.xml.
        String::new(),
        format!("[tls]\nca = '{}/ca.pem'", tls.display()),
        format!("[tls]\ntrust-store = '{}/trust.p12'\npassword-env = 'STORE'", tls.display()),
        format!("[tls]\ntrust-store = '{}/trust.jks'", tls.display()),
    ] {
        let (code, said) = metastore_in_tls(&trust);
        assert_eq!(code, Some(0), "{trust}: {said}");
        assert!(said.contains("TLSv1") && said.contains("version: hive 4.0.1"), "{trust}: {said}");
    }
    // A certificate that is good, but of another authority: the client's own.
    let (code, said) = metastore_in_tls(&format!("[tls]\nca = '{}/client.pem'", tls.display()));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is not good") && said.contains("authority"), "{said}");
    let (code, said) =
        metastore_in_tls(&format!("[tls]\ntrust-store = '{}/trust.p12'\npassword-env = 'HOME'", tls.display()));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("its password is wrong"), "{said}");
}

#[test]
fn a_table_made_in_another_name_belongs_to_that_user() {
    let name = table();
    let pipeline = format!("proxy-user = 'analyst'\n{}", servers(&by_keytab("oozie"))) + &import_into_hive(&name);
    run(sakia(), &pipeline);
    let rows = beeline("etl", &format!("describe formatted default.{name}"));
    let owner = rows.iter().find(|row| row[0].trim() == "Owner:").unwrap();
    assert_eq!(owner[1].trim(), "analyst");
    sql(&format!("drop table {name}"));
}

/// What `doctor` says of one HiveServer2.
fn examined(who: &str, hive: &str) -> (Option<i32>, String) {
    let file = file_of(&format!(
        "{who}\n[hiveserver2]\n{hive}\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'a.b'\ntarget = 'a.c'\nkeys = ['k']\n\
         sequence = 's'\ntracked = ['t']\n"
    ));
    let done =
        sakia().arg("doctor").arg(file.path()).env("LDAP_PASSWORD", setting("LDAP_ETL_PASSWORD")).output().unwrap();
    (done.status.code(), printed(&done))
}

#[test]
fn each_way_into_hiveserver2_works() {
    let (binary, http) = (address("HIVESERVER2_PORT"), address("HIVESERVER2_HTTP_PORT"));
    let (ldap, ldap_http) = (address("HIVESERVER2LDAP_PORT"), address("HIVESERVER2LDAP_HTTP_PORT"));
    let password = "user = 'etl'\nauth = 'plain'\npassword-env = 'LDAP_PASSWORD'";
    let ways = [
        ("a ticket", by_keytab("etl"), format!("url = '{binary}'")),
        (
            "a ticket by the url",
            by_keytab("etl"),
            format!("url = 'jdbc:hive2://{binary}/default;principal=hive/_HOST@SAKIA.TEST;saslQop=auth-conf'"),
        ),
        (
            "a ticket over http",
            by_keytab("etl"),
            format!(
                "url = 'jdbc:hive2://{http}/;transportMode=http;httpPath=cliservice;principal=hive/_HOST@SAKIA.TEST'"
            ),
        ),
        (
            "a ticket, found through zookeeper",
            by_keytab("etl"),
            format!(
                "url = 'jdbc:hive2://{}/;serviceDiscoveryMode=zooKeeper;zooKeeperNamespace=hiveserver2'",
                address("ZOOKEEPER_PORT")
            ),
        ),
        ("a ticket, found by hive-site.xml through zookeeper", by_keytab("etl"), String::new()),
        ("a password in ldap, inside tls", String::new(), format!("url = 'jdbc:hive2://{ldap}/;ssl=true'\n{password}")),
        (
            "a password in ldap, over https",
            String::new(),
            format!("url = 'jdbc:hive2://{ldap_http}/;ssl=true;transportMode=http;httpPath=cliservice'\n{password}"),
        ),
    ];
    for (way, who, hive) in ways {
        let (_, said) = examined(&who, &hive);
        assert!(said.contains("select: answered as"), "{way}: {said}");
    }
}

#[test]
fn a_hiveserver2_that_does_not_let_us_in_says_why() {
    let ldap = address("HIVESERVER2LDAP_PORT");
    let (code, said) = examined(
        "",
        &format!("url = 'jdbc:hive2://{ldap}/;ssl=true'\nuser = 'etl'\nauth = 'plain'\npassword-env = 'HOME'"),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("declined user and password"), "{said}");
    assert!(!said.contains(&std::env::var("HOME").unwrap()) || std::env::var("HOME").unwrap() == "/", "{said}");

    let (_, said) = examined(
        "",
        &format!("url = 'jdbc:hive2://{ldap}'\nuser = 'etl'\nauth = 'plain'\npassword-env = 'LDAP_PASSWORD'"),
    );
    assert!(said.contains("it speaks TLS"), "{said}");

    let binary = address("HIVESERVER2_PORT");
    let (_, said) = examined("", &format!("url = '{binary}'"));
    assert!(said.contains("no ticket"), "{said}");
    let other = format!("url = 'jdbc:hive2://{binary}/;principal=hdfs/_HOST@SAKIA.TEST'");
    let (_, said) = examined(&by_keytab("etl"), &other);
    assert!(said.contains("declined the kerberos ticket") || said.contains("FAIL"), "{said}");
}

#[test]
fn a_ticket_cache_works_for_hive_as_well() {
    let tickets = Tickets::of("etl");
    let file = file_of(&format!(
        "[hiveserver2]\nurl = '{}'\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'a.b'\ntarget = 'a.c'\nkeys = ['k']\n\
         sequence = 's'\ntracked = ['t']\n",
        address("HIVESERVER2_PORT")
    ));
    let done = tickets.lent_to(sakia()).arg("doctor").arg(file.path()).output().unwrap();
    assert!(printed(&done).contains("select: answered as"), "{}", printed(&done));
}
