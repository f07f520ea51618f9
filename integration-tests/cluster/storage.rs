//! HDFS: the suite every filesystem passes, and what only a real cluster shows.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sakia::error::Kind;
use sakia::storage::hdfs::{self, HdfsOptions};
use sakia::storage::{CreateOptions, DeleteOptions, conformance};

use crate::stack;

#[tokio::test(flavor = "multi_thread")]
async fn hdfs_is_a_filesystem() {
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    assert_eq!(fs.uri(), format!("hdfs://{}", stack::address("NAMENODE_PORT")));
    conformance::check(fs, &format!("/tmp/{}", stack::unique("storage_suite"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hdfs_written_over_webhdfs_is_a_filesystem() {
    let web = format!("http://{}", stack::address("NAMENODE_HTTP_PORT"));
    for webhdfs_url in [Some(web), None] {
        let fs = hdfs::connect_over_webhdfs(&HdfsOptions { webhdfs_url, ..stack::hdfs() }).await.unwrap();
        conformance::check(fs, &format!("/tmp/{}", stack::unique("webhdfs_suite"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_over_webhdfs_in_the_copies_asked_for() {
    let fs = hdfs::connect_over_webhdfs(&stack::hdfs()).await.unwrap();
    let path = format!("/tmp/{}", stack::unique("webhdfs_large"));
    let slice = Bytes::from((0..1 << 20).map(|n: u32| (n % 251) as u8).collect::<Vec<u8>>());
    let started = Instant::now();
    let mut file = fs.create(&path, CreateOptions { overwrite: false, replication: Some(3) }).await.unwrap();
    for _ in 0..100 {
        file.write(slice.clone()).await.unwrap();
    }
    assert_eq!(file.close().await.unwrap(), 100 << 20);
    println!("100 MiB written over WebHDFS in {:?}", started.elapsed());
    assert_eq!(stack::hdfs_shell(&["dfs", "-stat", "%r %b %u", &path]).trim(), "3 104857600 root");
    let file = fs.open(&path).await.unwrap();
    for chunk in 0..100 {
        assert!(file.read_at(chunk << 20, 1 << 20).await.unwrap() == slice);
    }
    fs.delete(&path, DeleteOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_the_copies_and_blocks_that_the_clients_site_files_want() {
    let conf = tempfile::tempdir().unwrap();
    std::fs::write(
        conf.path().join("hdfs-site.xml"),
        "<configuration>
           <property><name>dfs.replication</name><value>1</value></property>
           <property><name>dfs.blocksize</name><value>2m</value></property>
           <property><name>dfs.client.use.datanode.hostname</name><value>true</value></property>
         </configuration>",
    )
    .unwrap();
    let options = HdfsOptions { config_dir: Some(conf.path().to_owned()), ..stack::hdfs() };
    let native = hdfs::connect(&options).await.unwrap();
    let web = hdfs::connect_over_webhdfs(&options).await.unwrap();
    for (fs, copies, wanted) in
        [(&native, None, "1 2097152"), (&web, None, "1 2097152"), (&native, Some(2), "2 2097152")]
    {
        let path = format!("/tmp/{}", stack::unique("site_files"));
        let mut file = fs.create(&path, CreateOptions { overwrite: false, replication: copies }).await.unwrap();
        file.write(Bytes::from(vec![7; 5 << 20])).await.unwrap();
        assert_eq!(file.close().await.unwrap(), 5 << 20);
        assert_eq!(stack::hdfs_shell(&["dfs", "-stat", "%r %o", &path]).trim(), wanted);
        fs.delete(&path, DeleteOptions::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_web_address_is_named_with_a_remedy() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = HdfsOptions { webhdfs_url: Some(format!("http://{free}")), ..stack::hdfs() };
    let fs = hdfs::connect_over_webhdfs(&options).await.unwrap();
    let error = fs.create("/tmp/never", CreateOptions::default()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains(&free.to_string()) && error.remedy().is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_shell_reads_what_we_wrote() {
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let directory = format!("/tmp/{}", stack::unique("storage_shell"));
    let path = format!("{directory}/dt=2024-01-01/größe.txt");
    let mut file = fs.create(&path, CreateOptions::default()).await.unwrap();
    file.write(Bytes::from_static("grüße\n".as_bytes())).await.unwrap();
    file.close().await.unwrap();
    assert_eq!(stack::hdfs_shell(&["dfs", "-cat", &path]), "grüße\n");
    fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_larger_than_a_slice_arrive_whole_at_speed() {
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let path = format!("/tmp/{}", stack::unique("storage_large"));
    let slice = Bytes::from((0..1 << 20).map(|n: u32| (n % 251) as u8).collect::<Vec<u8>>());
    let started = Instant::now();
    let mut file = fs.create(&path, CreateOptions::default()).await.unwrap();
    for _ in 0..200 {
        file.write(slice.clone()).await.unwrap();
    }
    assert_eq!(file.close().await.unwrap(), 200 << 20);
    println!("200 MiB written in {:?}", started.elapsed());
    let back = fs.read(&path).await.unwrap();
    assert!(back.len() == 200 << 20 && back.chunks(1 << 20).all(|chunk| chunk == slice));
    fs.delete(&path, DeleteOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_another_user_is_denied_with_a_remedy() {
    let root = hdfs::connect(&stack::hdfs()).await.unwrap();
    let directory = format!("/tmp/{}", stack::unique("storage_denied"));
    root.mkdirs(&directory).await.unwrap();
    let stranger = HdfsOptions { user: Some("stranger".to_owned()), ..stack::hdfs() };
    let stranger = hdfs::connect(&stranger).await.unwrap();
    let error = stranger.mkdirs(&format!("{directory}/x")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    assert!(error.remedy().is_some_and(|hint| hint.contains("permission")), "{:?}", error.remedy());
    root.delete(&directory, DeleteOptions { recursive: true }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nobody_listens_is_told_soon() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let started = Instant::now();
    let error = hdfs::connect(&HdfsOptions { url: Some(format!("hdfs://{free}")), ..stack::hdfs() }).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains(&free.to_string()), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn site_files_alone_lead_to_the_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let (host, port) = (stack::setting("STACK_HOST"), stack::setting("NAMENODE_PORT"));
    let core = format!(
        "<configuration>
           <property><name>nn.host</name><value>{host}</value></property>
           <property><name>fs.defaultFS</name><value> hdfs://${{nn.host}}:{port}/ </value></property>
         </configuration>"
    );
    std::fs::write(directory.path().join("core-site.xml"), core).unwrap();
    let options = HdfsOptions { config_dir: Some(directory.path().to_owned()), ..Default::default() };
    let fs = hdfs::connect(&options).await.unwrap();
    assert_eq!(fs.uri(), format!("hdfs://{host}:{port}"));
    assert!(fs.stat("/tmp").await.unwrap().unwrap().is_dir);
}
