//! Bad input and broken runs: an error that names the object and the remedy, and nothing visible left behind.

use bytes::Bytes;
use sakia::error::{Error, Kind};
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::CreateOptions;
use sakia::transfer::{Ends, import};

use super::{Scene, mariadb};
use crate::stack::{root, setting};

const TABLE: &str = "CREATE TABLE orders (id INT PRIMARY KEY, day DATE NULL)";

async fn refused_login(options: MySqlOptions) -> Error {
    MySqlClient::new(&options, root()).unwrap().connect().await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_fail_say_why() {
    let url = |database: &str| Some(format!("mysql://{}@{}/{database}", setting("SHOP_USER"), mariadb()));
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&wrong, "wr0ng").unwrap();
    let error = refused_login(MySqlOptions {
        url: url("shop"),
        password_file: Some(wrong.path().into()),
        ..Default::default()
    })
    .await;
    assert_eq!((error.kind(), error.exit_code()), (Kind::Auth, 1));
    let text = format!("{error} {}", error.remedy().unwrap());
    let file = wrong.path().display().to_string();
    assert!(text.contains(&mariadb()) && text.contains("user shop") && text.contains(&file), "{text}");
    assert!(!format!("{error:?}{text}").contains("wr0ng"));

    let password_file = Some(setting("SHOP_PASSWORD_FILE").into());
    let error = refused_login(MySqlOptions { url: url("it_nowhere"), password_file, ..Default::default() }).await;
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("no database it_nowhere"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_lead_to_the_nearest_and_leave_nothing() {
    let scene = Scene::set(&[TABLE]).await;
    let error = scene.try_import("order", "").await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (Kind::NotFound, Some("did you mean orders?")));
    let error = scene.try_import("orders", "columns = ['id', 'dya']").await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (Kind::NotFound, Some("did you mean day?")));
    let error = scene.try_import("orders", "where = 'id >'").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.remedy().unwrap().contains("where"), "{error}");
    assert_eq!(scene.visible("orders").await, None);
    assert_eq!(scene.cluster.metastore.as_ref().unwrap().table(&scene.name, "orders").await.unwrap_or(None), None);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_somebody_else_is_left_alone() {
    let scene = Scene::set(&[TABLE]).await;
    let file = format!("{}/theirs.csv", scene.target("orders"));
    let mut writer = scene.cluster.fs.create(&file, CreateOptions::default()).await.unwrap();
    writer.write(Bytes::from_static(b"1,2")).await.unwrap();
    writer.close().await.unwrap();
    let error = scene.try_import("orders", "").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    assert!(error.to_string().contains(&scene.target("orders")), "{error}");
    assert_eq!(scene.visible("orders").await, Some(vec!["theirs.csv".to_owned()]));
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_date_is_named_by_its_key_and_the_old_rows_stay() {
    let mut scene = Scene::set(&[TABLE, "INSERT INTO orders VALUES (1, '2011-01-01')"]).await;
    scene.import("orders", "").await;
    let files = scene.visible("orders").await;
    scene.sql("INSERT INTO orders SELECT seq, '2011-01-02' FROM seq_2_to_20000").await;
    scene.sql("UPDATE orders SET day = '0000-00-00' WHERE id = 17017").await;
    let error = scene.try_import("orders", "").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let text = error.to_string();
    for part in ["orders, row id = 17017", "column day", "zero date 0000-00-00"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(scene.visible("orders").await, files);
    assert_eq!(scene.hive("select count(*) from @db.orders"), [["1"]]);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_nothing_and_ends_the_statements() {
    let scene = Scene::set(&[TABLE, "INSERT INTO orders SELECT seq, '2011-01-02' FROM seq_1_to_20000"]).await;
    let stop = Stop::new();
    // A condition that holds every split at its first row.
    let args = scene.args_into("orders", "orders", "where = 'SLEEP(30) = 0'\nsplit-by = 'id'");
    let client = scene.client();
    let ends = Ends::new(&client, &scene.cluster);
    let run = import::run(&args, &ends, "it", &stop);
    let ask = async {
        let busy = || async {
            let sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND info LIKE '%SLEEP(30)%'";
            let mut conn = super::connect(None).await;
            let count: Option<i64> =
                mysql_async::prelude::Queryable::exec_first(&mut conn, sql, (&scene.name,)).await.unwrap();
            count.unwrap()
        };
        while busy().await == 0 {}
        let asked = std::time::Instant::now();
        stop.request(2);
        asked
    };
    let (done, asked) = tokio::join!(run, ask);
    assert_eq!(done.unwrap_err().exit_code(), 130);
    assert!(asked.elapsed().as_secs() < 10, "{:?}", asked.elapsed());
    assert_eq!(scene.visible("orders").await, None);
    let state = format!("/tmp/{}/.sakia/orders", scene.name);
    assert_eq!(scene.cluster.fs.list(&state).await.unwrap(), []);
    scene.clear().await;
}
