//! What a doctor asks of HDFS: the NameNodes, the DataNodes by the names that they advertise, the key server, and the
//! directories that are to be written to or read. Nothing is changed but one file a directory that is written to, which is
//! removed again.

use std::collections::BTreeMap;

use reqwest::{Method, Request};
use serde::Deserialize;
use url::Url;

use super::address::{self, Address};
use super::connect::open;
use super::line::Line;
use super::options::{self, HdfsOptions};
use super::places::{self, Place};
use super::{Hdfs, keys};
use crate::checkup::Checkup;
use crate::error::{self, Result};
use crate::net::Server;
use crate::net::examine::{asking, reach};
use crate::net::http::{Http, failed};
use crate::net::thrift::blocking;

/// A cluster with less than one part in this many left is nearly full.
const LITTLE: u64 = 20;

/// Asks the NameNodes and the DataNodes, and looks at each of `places`; of ViewFS those of each cluster that one is on.
pub(crate) async fn examine(options: &HdfsOptions, places: &[Place], checkup: &mut Checkup) -> Result<()> {
    let table = match address::of(options)? {
        Address::View(table) => table,
        Address::Hdfs(_) => return cluster(options, places, checkup).await,
        Address::Local => {
            checkup.skipped("hdfs", "files go to the disk of this machine");
            return Ok(());
        }
    };
    let mut clusters: BTreeMap<String, Vec<Place>> = table.mounts().map(|mount| (mount.url.clone(), vec![])).collect();
    for place in places {
        // The state of a target lies beside it.
        match (table.resolve(&place.path), table.resolve(address::above(&place.path))) {
            (Some((mount, path)), Some(_)) => {
                clusters.entry(mount.url.clone()).or_default().push(Place { path, ..place.clone() });
            }
            _ => checkup.failed(
                place.question(),
                &error::config(format!("it lies not inside a mount of viewfs://{}", table.name))
                    .hint("choose a directory inside a mount: fs.viewfs.mounttable in core-site.xml lists them"),
            ),
        }
    }
    for (url, places) in clusters {
        let options = HdfsOptions { url: Some(url), ..options.clone() };
        cluster(&options, &places, checkup).await?;
    }
    Ok(())
}

async fn cluster(options: &HdfsOptions, places: &[Place], checkup: &mut Checkup) -> Result<()> {
    let settings = options::settings(options)?;
    let url = options::address(options, &settings)?;
    let authority = url.trim_start_matches("hdfs://").to_owned();
    let namenodes = options::namenodes(&settings, &authority);
    let limit = options.connect_timeout();
    let reached = asking(checkup, move |checkup| {
        let (began, mut any) = (checkup.checks().len(), false);
        for address in namenodes {
            let server = Server::new("an hdfs namenode", address, limit);
            checkup.hop(format!("namenode {}", server.address));
            any |= reach(&server, checkup);
        }
        // Whoever lives stands in for one that is away.
        if any {
            checkup.soften(began);
        }
        any
    })
    .await?;
    checkup.hop(format!("hdfs {url}"));
    if !reached {
        checkup.skipped("active namenode", "none can be reached");
        return Ok(());
    }
    let line = Line::new(options, &settings, &authority)?;
    if safe_mode(&line, checkup).await {
        checkup.skipped("active namenode", "it takes no writes in safe mode");
        return Ok(());
    }
    let mut patient = options.clone();
    patient.wait = Some(crate::config::Timespan::from_secs(1));
    let opened = open(&patient, false).await;
    let Some(hdfs) = checkup.take("active namenode", opened, |_| "answers, and takes writes".to_owned()) else {
        return Ok(());
    };
    let nodes = datanodes(options, &settings, &url, checkup).await;
    replication(&hdfs, nodes, checkup);
    room(&hdfs, checkup).await;
    let mut written = places.iter().filter(|place| place.is_written());
    let first = written.next();
    for place in places {
        places::examine(&hdfs, place, first == Some(place), checkup).await;
    }
    let (provider, is_needed) = (hdfs.line.key_provider().await?, hdfs.line.has_zones());
    keys::examine(options, &settings, provider, is_needed, checkup).await;
    Ok(())
}

/// Whether the NameNode takes no writes; where it does not tell, what is asked next does.
async fn safe_mode(line: &Line, checkup: &mut Checkup) -> bool {
    match line.is_safe_mode().await {
        Ok(true) => {
            let error = error::busy("the namenode is in safe mode, in which it takes no writes")
                .hint("it leaves it by itself while it starts; else look why: hdfs dfsadmin -safemode get, -report, and -safemode leave");
            checkup.failed("safe mode", &error);
            true
        }
        Ok(false) => {
            checkup.fine("safe mode", "off");
            false
        }
        Err(_) => false,
    }
}

async fn room(hdfs: &Hdfs, checkup: &mut Checkup) {
    let Some(room) = checkup.note("room", hdfs.line.room().await) else { return };
    let answer =
        format!("{} MiB of {} MiB are left on the datanodes, copies and all", room.left >> 20, room.bytes >> 20);
    match room.left < room.bytes / LITTLE {
        true => checkup.warning("room", answer, "make room, or add datanodes: hdfs dfsadmin -report"),
        false => checkup.fine("room", answer),
    }
}

#[derive(Deserialize)]
struct Beans {
    beans: Vec<Bean>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bean {
    #[serde(default)]
    live_nodes: String,
    #[serde(default)]
    dead_nodes: String,
}

#[derive(Deserialize)]
struct Node {
    xferaddr: Option<String>,
}

/// Asks the NameNodes' web side which DataNodes there are, and whether they are reached from here. Gives how many.
async fn datanodes(
    options: &HdfsOptions,
    settings: &BTreeMap<String, String>,
    url: &str,
    checkup: &mut Checkup,
) -> Option<usize> {
    let asked = async {
        let web = options::web_addresses(options, settings, url)?;
        let who = options::who(options, settings, &web)?;
        let mut last = error::config("no namenode has a web address");
        for address in web {
            let server = Server::new("the web side of an hdfs namenode", address.as_str(), options.connect_timeout());
            let http = Http::new(&server, who.tls.as_ref(), &who.login)?;
            match beans(&http, &server, &address).await {
                // A standby knows the nodes as well.
                Ok(beans) => return Ok(beans),
                Err(e) => last = e,
            }
        }
        Err(last)
    };
    let bean = match asked.await {
        Ok(bean) => bean,
        Err(e) => {
            let remedy = e.remedy().unwrap_or("dead datanodes cannot be written past without it").to_owned();
            checkup.warning("web side of the namenodes", &e, remedy);
            return None;
        }
    };
    let live: BTreeMap<String, Node> = serde_json::from_str(&bean.live_nodes).unwrap_or_default();
    let dead: BTreeMap<String, serde_json::Value> = serde_json::from_str(&bean.dead_nodes).unwrap_or_default();
    match dead.is_empty() {
        true => checkup.fine("datanodes", format!("{} live, none dead", live.len())),
        false => checkup.warning(
            "datanodes",
            format!("{} live, dead: {}", live.len(), dead.keys().cloned().collect::<Vec<_>>().join(", ")),
            "hdfs dfsadmin -report",
        ),
    }
    let count = live.len();
    let by_name =
        settings.get("dfs.client.use.datanode.hostname").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    for (name, node) in live {
        // The name it registered by, and the address it is known by: clients go to one of them.
        let port = node.xferaddr.as_deref().and_then(|address| address.rsplit_once(':')).map(|(_, port)| port);
        let host = name.rsplit_once(':').map_or(name.as_str(), |(host, _)| host);
        let address = match (by_name, &node.xferaddr) {
            (false, Some(address)) => address.clone(),
            _ => format!("{host}:{}", port.unwrap_or("9866")),
        };
        let server = Server::new("an hdfs datanode", address, options.connect_timeout());
        let connected = blocking(move || server.connect().map(|_| server.address)).await;
        checkup.take(format!("datanode {name}"), connected, |address| format!("{address} is reached from here"));
    }
    Some(count)
}

async fn beans(http: &Http, server: &Server, namenode: &Url) -> Result<Bean> {
    let mut url = namenode.clone();
    url.set_path("/jmx");
    url.set_query(Some("qry=Hadoop:service=NameNode,name=NameNodeInfo"));
    let mut request = Request::new(Method::GET, url);
    *request.timeout_mut() = Some(server.limit);
    let response = http.send(request).await?;
    let status = response.status();
    let body = response.bytes().await.map_err(|e| failed(server, e))?;
    let read = serde_json::from_slice::<Beans>(&body).ok().and_then(|read| read.beans.into_iter().next());
    read.ok_or_else(|| {
        error::unreachable(format!("{server} answered {status} without a word about its datanodes"))
            .hint("check that it is the port of its web side: dfs.namenode.http-address, or webhdfs-url in [hdfs]")
    })
}

fn replication(hdfs: &Hdfs, nodes: Option<usize>, checkup: &mut Checkup) {
    let (Some(nodes), Some(copies)) = (nodes, hdfs.defaults.replication) else { return };
    match usize::try_from(copies).is_ok_and(|copies| copies <= nodes) {
        true => checkup.fine("replication", format!("{copies} copies on {nodes} datanodes")),
        false => checkup.warning(
            "replication",
            format!("{copies} copies are asked for, and there are {nodes} datanodes"),
            "set dfs.replication in hdfs-site.xml, or bring datanodes back",
        ),
    }
}
